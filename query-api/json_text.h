/* JSON written by example, for requests whose shape is mostly fixed. In the format ' stands for ", and
 *   %j a struct ev_str as a JSON string (escaped: what clients give goes in by this alone), %i an int64_t, %r a struct
 * ev_str that is JSON already, %s a C string of ours, as it is. Pure. */
#pragma once

#include "core/buffer.h"

void json_text_append(struct ev_buffer *out, const char *format, ...);
/* The same as an item of a list: with a comma before it, unless it is the first behind [ or {. */
void json_text_append_item(struct ev_buffer *out, const char *format, ...);
