/* A fingerprint of a view's fold: by what it does, not by how it is written. Events of every type of the view's topic
 * are made up, always the same ones, and folded; the fingerprint is a hash of all that comes out, and of the document's
 * schema. So a fold that was only tidied up keeps it, and one that gives other documents for these events hasn't. A
 * change that none of them reaches isn't seen here: the comparison of documents with a fresh fold sees it. An event
 * type that the view has no use for changes nothing. Pure: the same in every process and on every machine. */
#pragma once

#include "fold/view.h"

#define EV_FINGERPRINT_TEXT_MAX 33 /* 32 hexadecimal digits and NUL */
#define EV_FINGERPRINT_ROUNDS 96   /* events of each type */

void ev_view_fingerprint(const struct ev_view *view, char ret_text[EV_FINGERPRINT_TEXT_MAX]);
