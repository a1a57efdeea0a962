/* The write protocol of one partition (docs/architecture.md, "One writer per partition, decided by the log") for Spin; `run` beside this file says how.
 *
 * Two would-be owners, one log, two streams, four commands that may be asked for at any time, of either owner, again and again. What can happen:
 *
 *   - a record that was sent lands at any later time, in any order, or never: late, lost, a hole, landed though its sender was told of a failure;
 *   - an owner pauses (nothing makes it run), fences whenever it likes (it was assigned the partition, or it is in doubt), forgets everything (a crash);
 *   - an owner takes in reports and records one by one, as late as it likes. An owner that serves may read on at any time.
 *
 * What a reader rules on a record is a function of the log before it, the same for all: it is worked out once, when the record lands, and the log keeps
 * the ruling. What an owner knows is what it has read or was told, never the log itself.
 *
 * A stream's state is the set of commands that it took, so a record's `base` (the set that it was decided on) stands for version and state alike.
 *
 *   P1  a command is acknowledged only when the log holds it, valid, at the offset that the answer names; and the log holds it once
 *   P2  a rejected attempt never appears, and at some moment between question and answer the log's own state rejected it
 *   P3  a valid commit was decided on the very state that the log has before it: versions without gap or duplicate
 *   P4  the answer "duplicate" names a command that the log holds, valid; a retried command is in the log at most once
 *   P5  when a fence has settled what was in doubt, a command is in the log for ever or its record is void for ever
 *
 * Rejections change no owner's state. So one question at a time is enough, whose answer may come at any moment that the rules allow, and it needs to be followed
 * only until the log's state has rejected it too (unless FOLLOW_ALL). A duplicate's answer is checked when it is decided, which is earlier than
 * it is given: what is in the log stays there.
 *
 * Bounds: NL records in the log, NF fences, NI commits of each fence. Rules that can be switched off: see `run --list`. */
#ifndef NL
#define NL 5
#endif
#ifndef NF
#define NF 3
#endif
#ifndef NI
#define NI 2
#endif
#ifndef POINT
#define POINT 0 /* n: reaching point n is reported as an error */
#endif
#ifndef ONLY
#define ONLY 0 /* n: only property n is checked */
#endif
#define SKIPS(n) (ONLY != 0 && ONLY != (n))

#include "state.pml"
#include "log.pml"
#include "owner.pml"
#include "serving.pml"

#define ASKED(i, w)                                                                                                    \
	:: d_step { MAY_APPEND(i, w) -> append(i, w) }                                                                     \
	:: d_step { MAY_REJECT(i, w) -> reject(i, w) }

active [2] proctype owner() {
end:
	do
	:: d_step { MAY_FENCE(_pid) -> send_fence(_pid); make_canonical() }
	:: d_step { o[_pid].mode == FENCING && !fence_sent[o[_pid].fence] -> serve(_pid); make_canonical() }
	:: d_step { o[_pid].mode != IDLE -> printf("owner %d: crashes\n", o[_pid].fence); go_idle(_pid); make_canonical() }
	ASKED(_pid, 0)
	ASKED(_pid, 1)
	ASKED(_pid, 2)
	ASKED(_pid, 3)
	:: d_step {
		o[_pid].mode == SERVING && REPEATS(_pid) ->
		printf("owner %d: answers what it knows as duplicate\n", o[_pid].fence);
		assert(SKIPS(4) || (o[_pid].known & ~taken) == 0); /* P4 */
		REACHED(7)
	}
	/* A delivery report without a gap before it needs no reading. */
	:: d_step {
		HAS_FLIGHT(_pid) && FOLLOWS(_pid, OLDEST_AT(_pid)) ->
		settle_committed(_pid, OLDEST_AT(_pid) - 1)
	}
	:: d_step {
		o[_pid].mode == SERVING && o[_pid].position < length ->
		read_record(_pid);
		make_canonical()
	}
#ifdef NOREFENCE
	/* In doubt, it only looks whether the log holds its commits. */
	:: d_step {
		HAS_FLIGHT(_pid) && o[_pid].position == length ->
		kept = o[_pid].head;
		settle_void(_pid);
		o[_pid].flight = o[_pid].fence;
		o[_pid].head = kept;
		o[_pid].tail = kept
	}
#endif
	:: d_step {
		o[_pid].mode == SERVING && asked == o[_pid].fence &&
		(LATER_COMMIT(_pid) || (IS_SETTLED(_pid) && IS_CONFIRMED(_pid))) ->
		printf("owner %d: answers that command %d is rejected\n", o[_pid].fence, asked_command);
		assert(SKIPS(2) || asked_agreed); /* P2 */
		REACHED(2);
		if
		:: LATER_COMMIT(_pid) -> REACHED(9)
		:: asked_bound > 0 && !LATER_COMMIT(_pid) -> REACHED(11)
		:: else
		fi;
		forget_question()
	}
	od
}

#define LANDS_FENCE(f) d_step { length < NL && fence_sent[f] -> land_fence(f) }
#define LANDS(f, n) d_step { length < NL && commit[PLACE(f, n)].command != 0 && commit[PLACE(f, n)].at == 0 -> land_commit(f, n) }

active proctype network() {
end:
	do
	:: d_step { length < NL && dead > 0 -> land_dead() }
	:: LANDS_FENCE(1)
	:: LANDS_FENCE(2)
	:: LANDS(1, 0)
	:: LANDS(1, 1)
	:: LANDS(2, 0)
	:: LANDS(2, 1)
#if NI > 2
	:: LANDS(1, 2)
	:: LANDS(2, 2)
#endif
#if NF > 2
	:: LANDS_FENCE(3)
	:: LANDS(3, 0)
	:: LANDS(3, 1)
#if NI > 2
	:: LANDS(3, 2)
#endif
#endif
	od
}
