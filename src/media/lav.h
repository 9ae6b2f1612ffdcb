/*
 * FFmpeg's libraries, loaded at run time. Processes that never decode (serving, searching,
 * `--help`) must not map them: that costs some 20 ms and tens of megabytes of relocations. So
 * nothing of libav* is linked; this header includes the libraries' headers for their types, lists
 * every function we call once in the LAV_…(X) lists, and points the plain names at `struct lav
 * lav`, which lav_load() fills.
 *
 * A name needs two lines: one in a list, one #define below. Forgetting the first does not compile,
 * forgetting the second does not link. Inline functions of the headers that call others
 * (av_err2str) do not link either: use ours.
 *
 * The code compiles on FFmpeg 5.1 (Debian 12) and 7.1 (Debian 13); what differs has a lav_…()
 * helper here.
 */
#ifndef MEDIA_LAV_H
#define MEDIA_LAV_H

#include <stdbool.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/cpu.h>
#include <libavutil/dict.h>
#include <libavutil/display.h>
#include <libavutil/error.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libavutil/samplefmt.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "base/err.h"

/* clang-format off */
#define LAV_FORMAT(X) \
    X(avformat_version) \
    X(avformat_alloc_context) \
    X(avformat_open_input) \
    X(avformat_close_input) \
    X(avformat_free_context) \
    X(avformat_find_stream_info) \
    X(avformat_flush) \
    X(avformat_seek_file) \
    X(av_seek_frame) \
    X(av_read_frame) \
    X(av_probe_input_buffer2) \
    X(av_guess_frame_rate) \
    X(av_guess_sample_aspect_ratio) \
    X(avformat_index_get_entries_count) \
    X(avformat_index_get_entry) \
    X(avio_alloc_context) \
    X(avio_context_free) \
    X(avio_flush) \
    X(avio_seek) \
    X(avio_read) \
    X(avio_write) \
    X(avformat_alloc_output_context2) \
    X(avformat_new_stream) \
    X(avformat_write_header) \
    X(av_write_frame) \
    X(av_interleaved_write_frame) \
    X(av_write_trailer)

#define LAV_CODEC(X) \
    X(avcodec_version) \
    X(avcodec_find_decoder) \
    X(avcodec_find_decoder_by_name) \
    X(avcodec_find_encoder) \
    X(avcodec_find_encoder_by_name) \
    X(avcodec_alloc_context3) \
    X(avcodec_free_context) \
    X(avcodec_open2) \
    X(avcodec_flush_buffers) \
    X(avcodec_default_get_buffer2) \
    X(avcodec_send_packet) \
    X(avcodec_receive_frame) \
    X(avcodec_send_frame) \
    X(avcodec_receive_packet) \
    X(avcodec_parameters_alloc) \
    X(avcodec_parameters_free) \
    X(avcodec_parameters_copy) \
    X(avcodec_parameters_to_context) \
    X(avcodec_parameters_from_context) \
    X(avcodec_get_name) \
    X(avcodec_profile_name) \
    X(avcodec_descriptor_get) \
    X(av_get_bits_per_sample) \
    X(av_packet_alloc) \
    X(av_packet_free) \
    X(av_packet_unref) \
    X(av_packet_ref) \
    X(av_packet_clone) \
    X(av_packet_move_ref) \
    X(av_packet_rescale_ts) \
    X(av_packet_get_side_data)

#define LAV_UTIL(X) \
    X(avutil_version) \
    X(av_cpu_count) \
    X(av_version_info) \
    X(av_malloc) \
    X(av_mallocz) \
    X(av_free) \
    X(av_freep) \
    X(av_strdup) \
    X(av_strerror) \
    X(av_log_set_callback) \
    X(av_log_set_level) \
    X(av_log_get_level) \
    X(av_log_format_line2) \
    X(av_dict_get) \
    X(av_dict_set) \
    X(av_dict_set_int) \
    X(av_dict_free) \
    X(av_opt_set) \
    X(av_opt_set_int) \
    X(av_opt_set_q) \
    X(av_opt_set_chlayout) \
    X(av_opt_set_sample_fmt) \
    X(av_frame_alloc) \
    X(av_frame_free) \
    X(av_frame_unref) \
    X(av_frame_ref) \
    X(av_frame_clone) \
    X(av_frame_move_ref) \
    X(av_frame_copy) \
    X(av_frame_copy_props) \
    X(av_frame_get_buffer) \
    X(av_frame_make_writable) \
    X(av_frame_is_writable) \
    X(av_frame_get_side_data) \
    X(av_frame_new_side_data) \
    X(av_frame_remove_side_data) \
    X(av_buffer_alloc) \
    X(av_buffer_create) \
    X(av_buffer_ref) \
    X(av_buffer_unref) \
    X(av_buffer_pool_init) \
    X(av_buffer_pool_get) \
    X(av_buffer_pool_uninit) \
    X(av_rescale) \
    X(av_rescale_rnd) \
    X(av_rescale_q) \
    X(av_rescale_q_rnd) \
    X(av_compare_ts) \
    X(av_reduce) \
    X(av_d2q) \
    X(av_get_pix_fmt_name) \
    X(av_pix_fmt_desc_get) \
    X(av_pix_fmt_count_planes) \
    X(av_image_get_buffer_size) \
    X(av_image_fill_arrays) \
    X(av_image_copy_to_buffer) \
    X(av_image_copy_plane) \
    X(av_color_range_name) \
    X(av_color_primaries_name) \
    X(av_color_transfer_name) \
    X(av_color_space_name) \
    X(av_color_space_from_name) \
    X(av_display_rotation_get) \
    X(av_display_rotation_set) \
    X(av_display_matrix_flip) \
    X(av_get_sample_fmt_name) \
    X(av_get_bytes_per_sample) \
    X(av_sample_fmt_is_planar) \
    X(av_get_packed_sample_fmt) \
    X(av_get_planar_sample_fmt) \
    X(av_samples_get_buffer_size) \
    X(av_samples_alloc) \
    X(av_samples_copy) \
    X(av_samples_set_silence) \
    X(av_channel_layout_default) \
    X(av_channel_layout_copy) \
    X(av_channel_layout_uninit) \
    X(av_channel_layout_check) \
    X(av_channel_layout_compare) \
    X(av_channel_layout_describe) \
    X(av_channel_layout_from_mask) \
    X(av_audio_fifo_alloc) \
    X(av_audio_fifo_free) \
    X(av_audio_fifo_write) \
    X(av_audio_fifo_read) \
    X(av_audio_fifo_size) \
    X(av_audio_fifo_reset) \
    X(av_audio_fifo_drain)

/* A stream's side data moved from the stream to its parameters. */
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
#define LAV_SIDE_DATA(X) \
    X(av_packet_side_data_get) \
    X(av_packet_side_data_new)
#define LAV_SIDE_DATA_STREAM(X)
#else
#define LAV_SIDE_DATA(X)
#define LAV_SIDE_DATA_STREAM(X) \
    X(av_stream_get_side_data) \
    X(av_stream_new_side_data)
#endif

#define LAV_SWS(X) \
    X(swscale_version) \
    X(sws_getContext) \
    X(sws_getCachedContext) \
    X(sws_alloc_context) \
    X(sws_init_context) \
    X(sws_freeContext) \
    X(sws_scale) \
    X(sws_scale_frame) \
    X(sws_getCoefficients) \
    X(sws_setColorspaceDetails) \
    X(sws_isSupportedInput) \
    X(sws_isSupportedOutput)

#define LAV_SWR(X) \
    X(swresample_version) \
    X(swr_alloc) \
    X(swr_alloc_set_opts2) \
    X(swr_init) \
    X(swr_free) \
    X(swr_convert) \
    X(swr_get_delay) \
    X(swr_get_out_samples) \
    X(swr_drop_output) \
    X(swr_inject_silence)

/* Every function, by its own name: lav.av_frame_alloc(). NULL until loaded. */
#define LAV_ALL(X) \
    LAV_FORMAT(X) LAV_SIDE_DATA_STREAM(X) LAV_CODEC(X) LAV_SIDE_DATA(X) LAV_UTIL(X) LAV_SWS(X) LAV_SWR(X)
#define LAV_MEMBER_(fn) __typeof__(fn) *fn;
struct lav {
    LAV_ALL(LAV_MEMBER_)
};
#undef LAV_MEMBER_
extern struct lav lav;

/*
 * Loads the libraries and resolves every name; once a process, before the sandbox closes (files are opened).
 * ERR_UNAVAILABLE names the Debian package when a library of the version compiled against is missing. Libraries'
 * messages go to standard error, which the client keeps for the log.
 */
int lav_load(struct err *e);
/* lav_load() has succeeded. */
bool lav_loaded(void);

#ifndef LAV_NO_NAMES
#define avformat_version lav.avformat_version
#define avformat_alloc_context lav.avformat_alloc_context
#define avformat_open_input lav.avformat_open_input
#define avformat_close_input lav.avformat_close_input
#define avformat_free_context lav.avformat_free_context
#define avformat_find_stream_info lav.avformat_find_stream_info
#define avformat_flush lav.avformat_flush
#define avformat_seek_file lav.avformat_seek_file
#define av_seek_frame lav.av_seek_frame
#define av_read_frame lav.av_read_frame
#define av_probe_input_buffer2 lav.av_probe_input_buffer2
#define av_guess_frame_rate lav.av_guess_frame_rate
#define av_guess_sample_aspect_ratio lav.av_guess_sample_aspect_ratio
#define avformat_index_get_entries_count lav.avformat_index_get_entries_count
#define avformat_index_get_entry lav.avformat_index_get_entry
#define avio_alloc_context lav.avio_alloc_context
#define avio_context_free lav.avio_context_free
#define avio_flush lav.avio_flush
#define avio_seek lav.avio_seek
#define avio_read lav.avio_read
#define avio_write lav.avio_write
#define avformat_alloc_output_context2 lav.avformat_alloc_output_context2
#define avformat_new_stream lav.avformat_new_stream
#define avformat_write_header lav.avformat_write_header
#define av_write_frame lav.av_write_frame
#define av_interleaved_write_frame lav.av_interleaved_write_frame
#define av_write_trailer lav.av_write_trailer
#define avcodec_version lav.avcodec_version
#define avcodec_find_decoder lav.avcodec_find_decoder
#define avcodec_find_decoder_by_name lav.avcodec_find_decoder_by_name
#define avcodec_find_encoder lav.avcodec_find_encoder
#define avcodec_find_encoder_by_name lav.avcodec_find_encoder_by_name
#define avcodec_alloc_context3 lav.avcodec_alloc_context3
#define avcodec_free_context lav.avcodec_free_context
#define avcodec_open2 lav.avcodec_open2
#define avcodec_flush_buffers lav.avcodec_flush_buffers
#define avcodec_default_get_buffer2 lav.avcodec_default_get_buffer2
#define avcodec_send_packet lav.avcodec_send_packet
#define avcodec_receive_frame lav.avcodec_receive_frame
#define avcodec_send_frame lav.avcodec_send_frame
#define avcodec_receive_packet lav.avcodec_receive_packet
#define avcodec_parameters_alloc lav.avcodec_parameters_alloc
#define avcodec_parameters_free lav.avcodec_parameters_free
#define avcodec_parameters_copy lav.avcodec_parameters_copy
#define avcodec_parameters_to_context lav.avcodec_parameters_to_context
#define avcodec_parameters_from_context lav.avcodec_parameters_from_context
#define avcodec_get_name lav.avcodec_get_name
#define avcodec_profile_name lav.avcodec_profile_name
#define avcodec_descriptor_get lav.avcodec_descriptor_get
#define av_get_bits_per_sample lav.av_get_bits_per_sample
#define av_packet_alloc lav.av_packet_alloc
#define av_packet_free lav.av_packet_free
#define av_packet_unref lav.av_packet_unref
#define av_packet_ref lav.av_packet_ref
#define av_packet_clone lav.av_packet_clone
#define av_packet_move_ref lav.av_packet_move_ref
#define av_packet_rescale_ts lav.av_packet_rescale_ts
#define av_packet_get_side_data lav.av_packet_get_side_data
#define avutil_version lav.avutil_version
#define av_cpu_count lav.av_cpu_count
#define av_version_info lav.av_version_info
#define av_malloc lav.av_malloc
#define av_mallocz lav.av_mallocz
#define av_free lav.av_free
#define av_freep lav.av_freep
#define av_strdup lav.av_strdup
#define av_strerror lav.av_strerror
#define av_log_set_callback lav.av_log_set_callback
#define av_log_set_level lav.av_log_set_level
#define av_log_get_level lav.av_log_get_level
#define av_log_format_line2 lav.av_log_format_line2
#define av_dict_get lav.av_dict_get
#define av_dict_set lav.av_dict_set
#define av_dict_set_int lav.av_dict_set_int
#define av_dict_free lav.av_dict_free
#define av_opt_set lav.av_opt_set
#define av_opt_set_int lav.av_opt_set_int
#define av_opt_set_q lav.av_opt_set_q
#define av_opt_set_chlayout lav.av_opt_set_chlayout
#define av_opt_set_sample_fmt lav.av_opt_set_sample_fmt
#define av_frame_alloc lav.av_frame_alloc
#define av_frame_free lav.av_frame_free
#define av_frame_unref lav.av_frame_unref
#define av_frame_ref lav.av_frame_ref
#define av_frame_clone lav.av_frame_clone
#define av_frame_move_ref lav.av_frame_move_ref
#define av_frame_copy lav.av_frame_copy
#define av_frame_copy_props lav.av_frame_copy_props
#define av_frame_get_buffer lav.av_frame_get_buffer
#define av_frame_make_writable lav.av_frame_make_writable
#define av_frame_is_writable lav.av_frame_is_writable
#define av_frame_get_side_data lav.av_frame_get_side_data
#define av_frame_new_side_data lav.av_frame_new_side_data
#define av_frame_remove_side_data lav.av_frame_remove_side_data
#define av_buffer_alloc lav.av_buffer_alloc
#define av_buffer_create lav.av_buffer_create
#define av_buffer_ref lav.av_buffer_ref
#define av_buffer_unref lav.av_buffer_unref
#define av_buffer_pool_init lav.av_buffer_pool_init
#define av_buffer_pool_get lav.av_buffer_pool_get
#define av_buffer_pool_uninit lav.av_buffer_pool_uninit
#define av_rescale lav.av_rescale
#define av_rescale_rnd lav.av_rescale_rnd
#define av_rescale_q lav.av_rescale_q
#define av_rescale_q_rnd lav.av_rescale_q_rnd
#define av_compare_ts lav.av_compare_ts
#define av_reduce lav.av_reduce
#define av_d2q lav.av_d2q
#define av_get_pix_fmt_name lav.av_get_pix_fmt_name
#define av_pix_fmt_desc_get lav.av_pix_fmt_desc_get
#define av_pix_fmt_count_planes lav.av_pix_fmt_count_planes
#define av_image_get_buffer_size lav.av_image_get_buffer_size
#define av_image_fill_arrays lav.av_image_fill_arrays
#define av_image_copy_to_buffer lav.av_image_copy_to_buffer
#define av_image_copy_plane lav.av_image_copy_plane
#define av_color_range_name lav.av_color_range_name
#define av_color_primaries_name lav.av_color_primaries_name
#define av_color_transfer_name lav.av_color_transfer_name
#define av_color_space_name lav.av_color_space_name
#define av_color_space_from_name lav.av_color_space_from_name
#define av_display_rotation_get lav.av_display_rotation_get
#define av_display_rotation_set lav.av_display_rotation_set
#define av_display_matrix_flip lav.av_display_matrix_flip
#define av_get_sample_fmt_name lav.av_get_sample_fmt_name
#define av_get_bytes_per_sample lav.av_get_bytes_per_sample
#define av_sample_fmt_is_planar lav.av_sample_fmt_is_planar
#define av_get_packed_sample_fmt lav.av_get_packed_sample_fmt
#define av_get_planar_sample_fmt lav.av_get_planar_sample_fmt
#define av_samples_get_buffer_size lav.av_samples_get_buffer_size
#define av_samples_alloc lav.av_samples_alloc
#define av_samples_copy lav.av_samples_copy
#define av_samples_set_silence lav.av_samples_set_silence
#define av_channel_layout_default lav.av_channel_layout_default
#define av_channel_layout_copy lav.av_channel_layout_copy
#define av_channel_layout_uninit lav.av_channel_layout_uninit
#define av_channel_layout_check lav.av_channel_layout_check
#define av_channel_layout_compare lav.av_channel_layout_compare
#define av_channel_layout_describe lav.av_channel_layout_describe
#define av_channel_layout_from_mask lav.av_channel_layout_from_mask
#define av_audio_fifo_alloc lav.av_audio_fifo_alloc
#define av_audio_fifo_free lav.av_audio_fifo_free
#define av_audio_fifo_write lav.av_audio_fifo_write
#define av_audio_fifo_read lav.av_audio_fifo_read
#define av_audio_fifo_size lav.av_audio_fifo_size
#define av_audio_fifo_reset lav.av_audio_fifo_reset
#define av_audio_fifo_drain lav.av_audio_fifo_drain
#define swscale_version lav.swscale_version
#define sws_getContext lav.sws_getContext
#define sws_getCachedContext lav.sws_getCachedContext
#define sws_alloc_context lav.sws_alloc_context
#define sws_init_context lav.sws_init_context
#define sws_freeContext lav.sws_freeContext
#define sws_scale lav.sws_scale
#define sws_scale_frame lav.sws_scale_frame
#define sws_getCoefficients lav.sws_getCoefficients
#define sws_setColorspaceDetails lav.sws_setColorspaceDetails
#define sws_isSupportedInput lav.sws_isSupportedInput
#define sws_isSupportedOutput lav.sws_isSupportedOutput
#define swresample_version lav.swresample_version
#define swr_alloc lav.swr_alloc
#define swr_alloc_set_opts2 lav.swr_alloc_set_opts2
#define swr_init lav.swr_init
#define swr_free lav.swr_free
#define swr_convert lav.swr_convert
#define swr_get_delay lav.swr_get_delay
#define swr_get_out_samples lav.swr_get_out_samples
#define swr_drop_output lav.swr_drop_output
#define swr_inject_silence lav.swr_inject_silence
#endif
/* clang-format on */

/* ---- what differs between the versions, and what their inline helpers can not do here
 * ------------------------- */

#define LAV_ERR_MAX 96
/* The library's words for one of its error codes, into out; returns out. */
char *lav_err_text(int averror, char out[static LAV_ERR_MAX]);
/*
 * Starts an error from a libav code: AVERROR(ENOMEM) is a limit, AVERROR(ENOSPC) and kin are
 * storage, otherwise `code`. Returns -1. The text is "what: Invalid data found when processing
 * input".
 */
int lav_err(struct err *e, enum err_code code, int averror, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static inline bool lav_frame_key(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (f->flags & AV_FRAME_FLAG_KEY) != 0;
#else
    return f->key_frame != 0;
#endif
}
static inline bool lav_frame_interlaced(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (f->flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
    return f->interlaced_frame != 0;
#endif
}
static inline bool lav_frame_top_first(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (f->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST) != 0;
#else
    return f->top_field_first != 0;
#endif
}
/* In the packet's time base; 0 when not known. */
static inline int64_t lav_frame_duration(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return f->duration;
#else
    return f->pkt_duration;
#endif
}
/* A stream's side data from the container (display matrix, mastering display); NULL when there is
 * none. */
const uint8_t *lav_stream_side_data(const AVStream *st, enum AVPacketSideDataType type,
                                    size_t *ret_size);
/* Room for side data on a stream that is being written; NULL without memory. */
uint8_t *lav_stream_new_side_data(AVStream *st, enum AVPacketSideDataType type, size_t size);

/* Tells a decoder that its callbacks may be called on any of its threads; newer libraries take that for granted. */
static inline void lav_callbacks_any_thread(AVCodecContext *c)
{
#if LIBAVCODEC_VERSION_MAJOR < 60
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    c->thread_safe_callbacks = 1;
#pragma GCC diagnostic pop
#endif
}

/* The buffer argument of an AVIOContext's write callback. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t lav_write_byte;
#else
typedef uint8_t lav_write_byte;
#endif

#endif
