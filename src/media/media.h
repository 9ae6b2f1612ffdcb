/*
 * The media child, seen from the program's side. Everything that touches bytes of media happens in a sandboxed child
 * process of the same binary (`rushes media-child`, see sandbox.h): this header starts one child for one task, passes it
 * open descriptors, relays its progress and hands back validated results. Nothing here includes libav*, and what the
 * child says is treated as hostile: bounded, parsed, range-checked.
 *
 * Each call runs one child to its end on the calling thread and may be made from any number of threads at once.
 * Descriptors are borrowed; outputs are written from offset 0 through the descriptor (regular files) and are complete
 * only when the call succeeded. On failure `struct err` carries code, the plain sentence and the technical cause:
 *   ERR_INPUT       the bytes are not usable media (validation)
 *   ERR_LIMIT       a named limit of struct media_limits
 *   ERR_TIMEOUT     no progress for stall_ms: the child was killed
 *   ERR_PROCESSING  the child died or refused on media that looked fine
 *   ERR_STORAGE     an output could not be written (disk full)
 *   ERR_CANCELLED   the progress callback asked to stop
 *   ERR_UNAVAILABLE strict sandbox asked for and not to be had, or libav* missing
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

struct conf;
struct log;

enum media_sandbox { MEDIA_SANDBOX_AUTO, MEDIA_SANDBOX_STRICT, MEDIA_SANDBOX_OFF };

struct media_limits {
    int64_t size_bytes, duration_us, pixels, frames, streams;
};

struct media_progress {
    int percent;         /* 0..100, of this task */
    int64_t frames;      /* frames seen so far */
    int64_t position_us; /* how far into the media */
};

/* How to run children; plain data, shared read-only. */
struct media_ctx {
    enum media_sandbox sandbox;
    struct media_limits limits;
    int64_t memory_bytes; /* address space of the child */
    int64_t stall_ms;
    int threads;           /* 0: processors, at most 8 */
    const struct log *log; /* borrowed, may be NULL */
    /* called about four times a second while a child works, on the calling thread; non-zero cancels. May be NULL. */
    int (*progress)(void *arg, const struct media_progress *p);
    void *progress_arg;
};
void media_ctx_init(struct media_ctx *m, const struct conf *conf);

/* ---- what a file is ------------------------------------------------------------------------------------------ */

enum media_kind { MEDIA_VIDEO, MEDIA_AUDIO, MEDIA_SUBTITLE, MEDIA_DATA, MEDIA_ATTACHMENT };

struct media_rational {
    int num, den;
};

struct media_stream {
    int index; /* in the container */
    enum media_kind kind;
    char codec[32], profile[64], language[16], title[128];
    bool is_default, attached_picture;
    struct media_rational time_base;
    int64_t start_us, duration_us; /* INT64_MIN when not known */
    int64_t bit_rate;              /* 0 unknown */
    /* video */
    int width, height; /* coded picture as decoded, before rotation and pixel aspect */
    int rotation;      /* degrees clockwise to turn the picture upright: 0, 90, 180, 270 */
    bool flip;         /* mirrored horizontally, after rotation */
    struct media_rational sample_aspect; /* 1:1 when unknown */
    int display_width, display_height;   /* square pixels, upright */
    char pixel_format[32];
    int bit_depth;
    bool full_range, hdr, interlaced;
    char color_transfer[24], color_primaries[24], color_space[24];
    struct media_rational frame_rate; /* average; 0/1 unknown */
    int64_t frame_count;              /* as the container claims; 0 unknown */
    /* audio */
    int sample_rate, channels;
    char channel_layout[48];
};

struct media_info {
    char container[64]; /* demuxer's short name: "mov,mp4,m4a,3gp,3g2,mj2" */
    char family[8];     /* mp4, mov, avi, mkv, webm, wav, ... "other" */
    char mime[32];
    int64_t duration_us; /* 0 unknown */
    int64_t start_us, bit_rate, size_bytes;
    char created[32]; /* recording time as the file tells it (ISO 8601), "" unknown */
    int video,
        audio; /* positions in streams[] of the ones we use (default flag, then size; never pictures), -1 none */
    struct media_stream *streams;
    int n_streams;
};
void media_info_free(struct media_info *i);
CLEANUP_DEFINE(media_info_free, struct media_info *);
void media_info_json(const struct media_info *i,
                     struct jsonw *w); /* one object, for people and sidecars */
int media_info_parse(const json_t *obj, struct media_info **ret,
                     struct err *e); /* its reader: hostile input */

/* Opens and reads headers only: container, streams, plausibility, limits. */
int media_probe(const struct media_ctx *m, int in_fd, struct media_info **ret, struct err *e);

/* ---- frame truth ----------------------------------------------------------------------------------------------- */

/* Decodes every frame of the chosen video stream and writes the frame index (frame_index.h) to out_fd. */
int media_index(const struct media_ctx *m, int in_fd, int out_fd, struct err *e);

/* ---- shots ----------------------------------------------------------------------------------------------------- */

enum media_detector { MEDIA_SHOTS_CONTENT, MEDIA_SHOTS_ADAPTIVE };
struct media_shots_opts {
    enum media_detector detector;
    double threshold; /* 0: the detector's own */
    int min_frames;
};
struct media_shot {
    int64_t start_frame, end_frame; /* end exclusive */
    int64_t start_us, end_us;
    char kind[12];         /* how it begins: start, cut, fade, dissolve, flash... */
    int64_t from_frame;    /* first frame of the transition into it (== start_frame for a cut) */
    int64_t picture_frame; /* its representative frame */
};
struct media_shots {
    struct media_shot *shots;
    int64_t n;
    int64_t frames; /* frames in all */
};
void media_shots_free(struct media_shots *s);
CLEANUP_DEFINE(media_shots_free, struct media_shots *);
int media_shots(const struct media_ctx *m, int in_fd, const struct media_shots_opts *o,
                struct media_shots **ret, struct err *e);

/* ---- motion ---------------------------------------------------------------------------------------------------- */

enum media_motion_state {
    MEDIA_MOTION_LEARNING,
    MEDIA_MOTION_WATCHING,
    MEDIA_MOTION_CAMERA_MOVING,
    MEDIA_MOTION_LIGHT,
};
#define MEDIA_MOTION_REGIONS_MAX 64 /* of a frame */
struct media_motion_region {
    int x, y, w, h;    /* pixels of the picture as it is shown: upright, square, see media_motion */
    double confidence; /* 0..1, see vision/motion.h */
};
struct media_motion_frame {
    int64_t us, end_us; /* from the file's start */
    enum media_motion_state state;
    /* The camera, g: (x, y) of the frame before is at (g0 x + g1 y + g2, g3 x + g4 y + g5). */
    double global[6];
    int64_t first; /* its regions: first … first + n - 1 */
    int n;
};
struct media_motion {
    int width, height; /* of the picture as it is shown */
    struct media_shots *shots;
    struct media_motion_frame *frames; /* shots->frames of them */
    struct media_motion_region *regions;
    int64_t n_regions;
};
void media_motion_free(struct media_motion *m);
CLEANUP_DEFINE(media_motion_free, struct media_motion *);
/* What moves before a camera that stands (vision/motion.h), and the shots, in one decoding. */
int media_motion(const struct media_ctx *m, int in_fd, const struct media_shots_opts *o,
                 struct media_motion **ret, struct err *e);

/* ---- the one pass ---------------------------------------------------------------------------------------------- */

/*
 * What one pass makes. A pack is JPEGs one after another (which is an MJPEG stream); the report says offset and size of
 * each, so that a picture is one ranged read.
 */
enum media_out {
    MEDIA_OUT_PROXY,   /* MP4, H.264 + AAC, moov first; audio-only sources: AAC in MP4 */
    MEDIA_OUT_THUMB,   /* JPEG, thumb.width wide, at 0 s */
    MEDIA_OUT_POSTER,  /* JPEG, thumb.width wide, the best frame */
    MEDIA_OUT_SPRITES, /* pack: sheets */
    MEDIA_OUT_VTT,     /* WebVTT of the sheets; cue text is "sprite-NNN.jpg#xywh=x,y,w,h" */
    MEDIA_OUT_SHOTS,   /* pack: one representative frame a shot */
    MEDIA_OUT_SAMPLES, /* pack: every n-th frame, long side sample.width */
    MEDIA_OUT_INDEX,   /* frame index (frame_index.h) */
    MEDIA_OUT_AUDIO,   /* WAV 16 kHz mono s16 */
    MEDIA_OUT_PEAKS,   /* waveform peaks: JSON, see audio_peaks.h */
    MEDIA_OUT_N
};
struct media_pass_opts {
    struct media_shots_opts shots;
    int proxy_height, proxy_crf;
    double proxy_fps;
    const char *proxy_preset;
    int sample_every, sample_width, sample_quality;
    int thumb_width, sprite_width, sprite_tiles;
    int64_t sprite_interval_us;
};
void media_pass_opts_init(struct media_pass_opts *o, const struct conf *conf);

struct media_picture {
    int64_t frame, pts_us; /* frame -1: a whole sheet */
    int64_t offset, size;  /* in its pack */
};
struct media_pictures {
    int width, height; /* of each; sheets: of a full one */
    struct media_picture *p;
    int64_t n;
};
struct media_pass_result {
    struct media_info *info;
    bool made[MEDIA_OUT_N]; /* false: nothing to make (no video, no audio); the file is empty */
    int64_t bytes[MEDIA_OUT_N];
    struct media_shots *shots; /* never NULL; n == 0 without video */
    struct media_pictures sprites, shot_pictures, samples;
    int64_t poster_frame, poster_us; /* -1 without video */
    int proxy_width, proxy_height;
    double proxy_fps;
    int64_t duration_us; /* as decoded: end of the last frame or sample */
    bool variable_rate;
    int64_t decode_errors; /* damaged frames or packets that were passed over */
    double loudness_lufs, loudness_range_lu,
        peak_dbfs;  /* EBU R128 integrated, LRA, sample peak; NaN: no or silent audio */
    json_t *report; /* the child's report as it was checked: goes to the sidecar */
};
void media_pass_result_free(struct media_pass_result *r);
CLEANUP_DEFINE(media_pass_result_free, struct media_pass_result *);
/* out_fds[MEDIA_OUT_N]: open for reading and writing, empty. */
int media_pass(const struct media_ctx *m, int in_fd, const int out_fds[MEDIA_OUT_N],
               const struct media_pass_opts *o, struct media_pass_result **ret, struct err *e);

/* ---- cut ------------------------------------------------------------------------------------------------------- */

/*
 * Frames [from_frame, to_frame) and the sound that goes with them, re-encoded (H.264 CRF crf, AAC) into an MP4 with the
 * frames' own timing, first frame at 0. index_fd: the file's frame index.
 */
struct media_cut_opts {
    int64_t from_frame, to_frame;
    int crf;
    const char *preset;
};
int media_cut(const struct media_ctx *m, int in_fd, int index_fd, int out_fd,
              const struct media_cut_opts *o, struct err *e);

/* ---- text on screen ---------------------------------------------------------------------------------------------- */

struct media_text_line {
    int64_t frame, pts_us;
    int x, y, w, h;    /* pixels of the sample picture */
    double confidence; /* 0..1 */
    char *text;        /* UTF-8, one line */
};
struct media_text {
    struct media_text_line *lines; /* in order of frame, then top to bottom */
    int64_t n;
    int64_t frames_read, frames_skipped; /* skipped: no text-like region, or unchanged */
};
void media_text_free(struct media_text *t);
CLEANUP_DEFINE(media_text_free, struct media_text *);
struct media_text_opts {
    const char *languages; /* Tesseract names joined by + */
};
/*
 * Reads the text on the pictures chosen from a samples pack. Runs Tesseract in a child of the same kind, one thread.
 * ERR_UNAVAILABLE when Tesseract or a language is missing; the plain sentence names the package.
 */
int media_read_text(const struct media_ctx *m, int pack_fd, const struct media_pictures *pictures,
                    const struct media_text_opts *o, struct media_text **ret, struct err *e);

/* ---- the child --------------------------------------------------------------------------------------------------- */

/*
 * main() of `rushes media-child`; never returns to the program's own work. The client starts /proc/self/exe with this one
 * argument, so every program that calls the functions above must dispatch to it first thing in main(); tests do so with
 * MEDIA_TEST_MAIN (test_child.h).
 */
int media_child_main(int argc, char **argv);

/* What the sandbox would have here; for `rushes doctor`. Strings are static. */
struct media_sandbox_layer {
    const char *name; /* rlimits, namespaces, setuid, no_new_privs, landlock, seccomp */
    bool active;
    char detail[96];
};
#define MEDIA_SANDBOX_LAYERS_MAX 8
/* Starts a child. The number of layers, or -1 when no child can be started; out[0].detail then tells why. */
int media_sandbox_report(struct media_sandbox_layer out[MEDIA_SANDBOX_LAYERS_MAX]);
/* Versions of libav* and Tesseract as the child finds them; "" when missing. */
void media_versions(char libav[64], char tesseract[64]);

#endif
