-- The tables of the first version. Wall times are milliseconds since 1970, media times microseconds, ids version 7
-- UUIDs. Absent text is '', absent times and references are NULL. Names follow the requirements' tables.

PRAGMA application_id = 1920299880; -- "rush": tells our files from other programs'

CREATE TABLE users (
    user_id          TEXT    NOT NULL PRIMARY KEY,
    external_user_id TEXT             UNIQUE,      -- subject at the identity provider
    email            TEXT             UNIQUE CHECK (length(email) <= 255),
    email_verified   INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    display_name     TEXT             CHECK (length(display_name) <= 255),
    tier             TEXT    NOT NULL DEFAULT 'FREE',
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT;

-- The one user of a single-user installation.
INSERT INTO users (user_id, display_name, created_at, updated_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'local', 0, 0);

CREATE TABLE videos (
    video_id            TEXT    NOT NULL PRIMARY KEY,
    user_id             TEXT    NOT NULL REFERENCES users (user_id),
    project_id          TEXT    NOT NULL DEFAULT '',
    pin_id              TEXT    NOT NULL DEFAULT '',
    state               TEXT    NOT NULL
        CHECK (state IN ('uploading', 'validating', 'processing', 'indexed', 'failed', 'deleted')),
    failed_from         TEXT    NOT NULL DEFAULT '',  -- the state it failed in
    processing_progress INTEGER NOT NULL DEFAULT 0 CHECK (processing_progress BETWEEN 0 AND 100),
    error_code          TEXT    NOT NULL DEFAULT '',
    processing_error    TEXT    NOT NULL DEFAULT '',  -- for the log
    error_plain         TEXT    NOT NULL DEFAULT '',  -- for people
    error_next          TEXT    NOT NULL DEFAULT '',  -- what they can do
    worker_id           TEXT    NOT NULL DEFAULT '',
    filename            TEXT    NOT NULL DEFAULT '',
    mime_type           TEXT    NOT NULL DEFAULT '',
    title               TEXT    NOT NULL DEFAULT '',
    description         TEXT    NOT NULL DEFAULT '',
    tags                TEXT    NOT NULL DEFAULT '',  -- JSON array
    source_type         TEXT    NOT NULL DEFAULT 'direct',
    source_url          TEXT    NOT NULL DEFAULT '',
    source_metadata     TEXT    NOT NULL DEFAULT '',  -- JSON
    batch_name          TEXT    NOT NULL DEFAULT '' CHECK (length(batch_name) <= 50),
    batch_order         INTEGER NOT NULL DEFAULT 0,
    size_bytes          INTEGER NOT NULL DEFAULT 0,
    checksum_sha256     TEXT    NOT NULL DEFAULT '' CHECK (length(checksum_sha256) IN (0, 64)),
    storage_key         TEXT    NOT NULL DEFAULT '',
    sidecar_key         TEXT    NOT NULL DEFAULT '',
    duration_us         INTEGER NOT NULL DEFAULT 0,
    width               INTEGER NOT NULL DEFAULT 0,
    height              INTEGER NOT NULL DEFAULT 0,
    rotation            INTEGER NOT NULL DEFAULT 0,
    fps_num             INTEGER NOT NULL DEFAULT 0,
    fps_den             INTEGER NOT NULL DEFAULT 1,
    frame_count         INTEGER NOT NULL DEFAULT 0,
    audio_rate          INTEGER NOT NULL DEFAULT 0,
    audio_channels      INTEGER NOT NULL DEFAULT 0,
    container           TEXT    NOT NULL DEFAULT '',
    video_codec         TEXT    NOT NULL DEFAULT '',
    audio_codec         TEXT    NOT NULL DEFAULT '',
    media_info          TEXT    NOT NULL DEFAULT '',  -- JSON, everything else
    recorded_at         INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    started_at          INTEGER,
    completed_at        INTEGER,
    deleted_at          INTEGER,
    revision            INTEGER NOT NULL DEFAULT 1
) STRICT;

-- Deduplication: the same content once per user, project and camera.
CREATE UNIQUE INDEX idx_videos_content ON videos (checksum_sha256, user_id, project_id, pin_id)
    WHERE checksum_sha256 <> '' AND state <> 'deleted';
CREATE INDEX idx_videos_created ON videos (created_at, video_id);
CREATE INDEX idx_videos_user_id ON videos (user_id, created_at, video_id);
CREATE INDEX idx_videos_state ON videos (state, updated_at);
CREATE INDEX idx_videos_project_id ON videos (project_id, created_at) WHERE project_id <> '';
CREATE INDEX idx_videos_pin_id ON videos (pin_id, created_at) WHERE pin_id <> '';
CREATE INDEX idx_videos_batch_name ON videos (batch_name, batch_order) WHERE batch_name <> '';

CREATE TABLE uploads (
    upload_id       TEXT    NOT NULL PRIMARY KEY,
    user_id         TEXT    NOT NULL REFERENCES users (user_id),
    video_id        TEXT             REFERENCES videos (video_id),
    state           TEXT    NOT NULL CHECK (state IN ('receiving', 'received', 'done', 'failed', 'aborted')),
    scratch_path    TEXT    NOT NULL DEFAULT '',
    source_path     TEXT    NOT NULL DEFAULT '',
    filename        TEXT    NOT NULL DEFAULT '',
    mime_type       TEXT    NOT NULL DEFAULT '',
    declared_bytes  INTEGER NOT NULL DEFAULT -1,
    received_bytes  INTEGER NOT NULL DEFAULT 0,
    checksum_sha256 TEXT    NOT NULL DEFAULT '' CHECK (length(checksum_sha256) IN (0, 64)),
    error_text      TEXT    NOT NULL DEFAULT '',
    error_plain     TEXT    NOT NULL DEFAULT '',
    meta            TEXT    NOT NULL DEFAULT '',  -- JSON: title, tags ... as the uploader said them
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_uploads_state ON uploads (state, updated_at);
CREATE INDEX idx_uploads_video_id ON uploads (video_id) WHERE video_id IS NOT NULL;

CREATE TABLE objects (
    object_key    TEXT    NOT NULL PRIMARY KEY,
    source_sha256 TEXT    NOT NULL CHECK (length(source_sha256) = 64),
    kind          TEXT    NOT NULL CHECK (kind <> ''),
    stage         TEXT    NOT NULL DEFAULT '',
    stage_version INTEGER NOT NULL DEFAULT 0,
    params_hash   TEXT    NOT NULL DEFAULT '',
    mime_type     TEXT    NOT NULL DEFAULT '',
    size_bytes    INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256        TEXT    NOT NULL CHECK (length(sha256) = 64),
    meta          TEXT    NOT NULL DEFAULT '',  -- JSON
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_objects_source ON objects (source_sha256, kind, object_key);
CREATE INDEX idx_objects_original_size ON objects (size_bytes) WHERE kind = 'original';

CREATE TABLE scenes (
    scene_id    TEXT    NOT NULL PRIMARY KEY,
    video_id    TEXT    NOT NULL REFERENCES videos (video_id) ON DELETE CASCADE,
    scene_index INTEGER NOT NULL,
    start_frame INTEGER NOT NULL,
    end_frame   INTEGER NOT NULL,  -- exclusive
    start_us    INTEGER NOT NULL,
    end_us      INTEGER NOT NULL,
    boundary    TEXT    NOT NULL DEFAULT 'cut',
    score       REAL    NOT NULL DEFAULT 0,
    detector    TEXT    NOT NULL DEFAULT '',
    rep_frame   INTEGER NOT NULL DEFAULT -1,
    rep_us      INTEGER NOT NULL DEFAULT 0,
    poster_key  TEXT    NOT NULL DEFAULT '',
    transcript  TEXT    NOT NULL DEFAULT '',
    vision_tags TEXT    NOT NULL DEFAULT '',  -- JSON
    sidecar_key TEXT    NOT NULL DEFAULT '',
    UNIQUE (video_id, scene_index)
) STRICT;
CREATE INDEX idx_scenes_time ON scenes (video_id, start_us);

-- Spans of text. text_id is for the word index only; outside the database a span is (video, source, seq).
CREATE TABLE texts (
    text_id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used again: paging relies on it
    video_id    TEXT    NOT NULL REFERENCES videos (video_id) ON DELETE CASCADE,
    source      TEXT    NOT NULL
        CHECK (source IN ('speech', 'ocr', 'title', 'description', 'tag', 'filename')),
    seq         INTEGER NOT NULL,
    start_us    INTEGER NOT NULL,
    end_us      INTEGER NOT NULL,
    start_frame INTEGER NOT NULL DEFAULT -1,
    end_frame   INTEGER NOT NULL DEFAULT -1,  -- exclusive
    x           INTEGER NOT NULL DEFAULT 0,
    y           INTEGER NOT NULL DEFAULT 0,
    width       INTEGER NOT NULL DEFAULT 0,
    height      INTEGER NOT NULL DEFAULT 0,
    confidence  REAL    NOT NULL DEFAULT 1,
    language    TEXT    NOT NULL DEFAULT '',
    text        TEXT    NOT NULL,
    detail      TEXT    NOT NULL DEFAULT '',  -- JSON
    UNIQUE (video_id, source, seq)
) STRICT;

CREATE TABLE processing_jobs (
    job_id         TEXT    NOT NULL PRIMARY KEY,
    queue          TEXT    NOT NULL,
    stage          TEXT    NOT NULL CHECK (stage <> ''),
    video_id       TEXT             REFERENCES videos (video_id),
    unique_key     TEXT    NOT NULL DEFAULT '',
    payload        TEXT    NOT NULL DEFAULT '{}',  -- JSON
    priority       INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
    state          TEXT    NOT NULL CHECK (state IN ('pending', 'running', 'completed', 'failed')),
    dead           INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1)),
    fails_video    INTEGER NOT NULL DEFAULT 1 CHECK (fails_video IN (0, 1)),
    attempt        INTEGER NOT NULL DEFAULT 0,
    abandoned      INTEGER NOT NULL DEFAULT 0,     -- attempts whose worker went away; they are not in attempt
    max_attempts   INTEGER NOT NULL CHECK (max_attempts >= 1),
    run_at         INTEGER NOT NULL,
    lease_until    INTEGER,
    fence          INTEGER NOT NULL DEFAULT 0,
    time_limit_ms  INTEGER NOT NULL,
    worker_id      TEXT    NOT NULL DEFAULT '',
    progress       INTEGER NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    note           TEXT    NOT NULL DEFAULT '',
    error_code     TEXT    NOT NULL DEFAULT '',
    error_category TEXT    NOT NULL DEFAULT '',
    error_text     TEXT    NOT NULL DEFAULT '',
    error_plain    TEXT    NOT NULL DEFAULT '',
    error_next     TEXT    NOT NULL DEFAULT '',
    created_at     INTEGER NOT NULL,
    started_at     INTEGER,
    heartbeat_at   INTEGER,
    finished_at    INTEGER,
    -- The order in which jobs ended, whatever the clock says: greater than that of every row when it ended;
    -- 0 while it has not.
    ended_seq      INTEGER NOT NULL DEFAULT 0,
    -- a job is leased exactly while it runs, and dead only when it failed
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK (dead = 0 OR state = 'failed')
) STRICT;
CREATE UNIQUE INDEX idx_jobs_live ON processing_jobs (unique_key)
    WHERE unique_key <> '' AND state IN ('pending', 'running');
CREATE INDEX idx_jobs_claim ON processing_jobs (queue, priority, run_at, job_id) WHERE state = 'pending';
CREATE INDEX idx_jobs_running ON processing_jobs (queue, lease_until) WHERE state = 'running';
CREATE INDEX idx_jobs_queue_state ON processing_jobs (queue, state, created_at, job_id);
CREATE INDEX idx_jobs_dead ON processing_jobs (queue, created_at, job_id) WHERE dead = 1;
CREATE INDEX idx_jobs_video ON processing_jobs (video_id, created_at, job_id) WHERE video_id IS NOT NULL;
CREATE INDEX idx_jobs_created ON processing_jobs (created_at, job_id);
CREATE INDEX idx_jobs_ended ON processing_jobs (ended_seq);
CREATE INDEX idx_jobs_completed ON processing_jobs (finished_at) WHERE state = 'completed';
