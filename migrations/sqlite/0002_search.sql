-- Words of texts. What is written here are finished tokens (src/index/fold.h), so the tokenizer
-- only cuts at spaces. One column a source, so that a search in one source is a column filter;
-- scope holds whose document it is, in tokens that no text can have. The rowid is texts.text_id. No
-- sizes are kept: ranking reads the texts themselves.
CREATE VIRTUAL TABLE text_words USING fts5 (
    title, description, tag, filename, ocr, speech, scope,
    tokenize = 'ascii', columnsize = 0
);

-- A text that goes takes its words along, whoever removes it.
CREATE TRIGGER texts_take_words_along AFTER DELETE ON texts
BEGIN
    DELETE FROM text_words WHERE rowid = old.text_id;
END;

-- Which folding the words of a video were made with.
CREATE TABLE text_index (
    video_id     TEXT    NOT NULL PRIMARY KEY REFERENCES videos (video_id) ON DELETE CASCADE,
    fold_version INTEGER NOT NULL
) STRICT;

-- Words that were ever seen in a user's videos, for near ones of a word that is not known. Written
-- forwards and backwards: a word with one slip has its first or its last half right. Never removed
-- from, so a word of it must be looked for before it is offered.
CREATE TABLE search_words (
    user_no INTEGER NOT NULL,
    word    TEXT    NOT NULL,
    rev     TEXT    NOT NULL,
    PRIMARY KEY (user_no, word)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_search_words_rev ON search_words (user_no, rev);

-- Users that have words, by a short number.
CREATE TABLE search_users (
    user_no INTEGER NOT NULL PRIMARY KEY,
    user_id TEXT    NOT NULL UNIQUE REFERENCES users (user_id) ON DELETE CASCADE
) STRICT;

-- History of searches, kept only when asked for.
CREATE TABLE searches (
    search_id  TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    query      TEXT    NOT NULL,
    hits       INTEGER NOT NULL,
    took_us    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_searches_user_id ON searches (user_id, created_at);
