/* An owner that serves: decides, appends, rejects, and when it may answer. */
/* A client asks for a command, for the first time or again. What is in flight is answered with its commit. */
#ifdef NODEDUP
#define IS_NEW(i, w) true
#define REPEATS(i) false
#else
#define IS_NEW(i, w) (!HAS(o[i].view, w))
#define REPEATS(i) (o[i].known != 0)
#endif
#define HAS_ROOM(i) (o[i].tail < NI && commit[PLACE(o[i].fence, o[i].tail)].command == 0)
#define MAY_APPEND(i, w) (o[i].mode == SERVING && IS_NEW(i, w) && ACCEPTS(o[i].view, w) && HAS_ROOM(i))
#define MAY_REJECT(i, w) (o[i].mode == SERVING && IS_NEW(i, w) && !ACCEPTS(o[i].view, w))

/* Records of a command that was rejected here count no more, whoever sent them under this epoch or an earlier one. */
inline condemn_older(i, w) {
	for (x : 0 .. NF * NI - 1) {
		if
		:: commit[x].command == (w) + 1 && commit[x].at == 0 && epoch[x / NI + 1] <= epoch[o[i].fence] ->
			commit[x].condemned = 1
		:: else
		fi
	}
}

inline reject(i, w) {
	printf("owner %d: decides that command %d is rejected, knowing %d of %d\n", o[i].fence, w, o[i].view, taken);
	condemn_older(i, w);
	if
#ifdef FOLLOW_ALL
	:: asked == 0 ->
		asked_agreed = REJECTS(taken, w);
#else
	:: asked == 0 && !REJECTS(taken, w) ->
#endif
		asked = o[i].fence;
		asked_command = w;
		asked_bound = o[i].tail;
		asked_end = length
	:: else
	fi
}

inline append(i, w) {
	place = PLACE(o[i].fence, o[i].tail);
	commit[place].command = (w) + 1;
	commit[place].base = o[i].view & STREAM(w);
	o[i].view = o[i].view | BIT(w);
	printf("owner %d: appends command %d as number %d\n", o[i].fence, w, o[i].tail);
	o[i].tail++;
#ifdef EARLYACK
	acked = acked | BIT(w)
#endif
}

/* What an answer that appends nothing waits for (rule 6). */
#ifdef NOSETTLED
#define IS_SETTLED(i) true
#else
#define IS_SETTLED(i) (o[i].head >= asked_bound)
#endif
#ifdef NOCONFIRM
#define IS_CONFIRMED(i) true
#else
#define IS_CONFIRMED(i) (o[i].position >= asked_end)
#endif
#define LATER_COMMIT(i) (o[i].head > asked_bound)

#ifdef NOCONTIG
#define FOLLOWS(i, at) ((at) != 0 && (at) > o[i].position)
#else
#define FOLLOWS(i, at) ((at) == o[i].position + 1)
#endif
#define OLDEST_AT(i) commit[PLACE(o[i].flight, o[i].head)].at
#define HAS_FLIGHT(i) (o[i].mode == SERVING && o[i].head < o[i].tail)
