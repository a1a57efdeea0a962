/* The log: a record lands, and is ruled on. */
inline land_dead() {
	printf("log: a record of an epoch that has passed lands at %d\n", length);
	log[length] = VOID;
	length++;
	dead--;
	bound_dead()
}

inline land_fence(f) {
	printf("log: fence %d of epoch %d lands at %d\n", f, epoch[f], length);
	fence_sent[f] = 0;
#ifdef NOREAD
	fence_at[f] = length;
#endif
	if
#ifdef NOHIGHER
	:: true ->
#else
	:: epoch[f] > epoch[current] ->
#endif
		log[length] = f;
		current = f;
		next_seq = 0
#ifndef NOHIGHER
	:: else ->
		log[length] = VOID
#endif
	fi;
	length++;
	bury()
}

#ifdef NOEPOCH
#define EPOCH_COUNTS(f) (current != 0)
#else
#define EPOCH_COUNTS(f) (epoch[f] == epoch[current] && current != 0)
#endif
#ifdef NOSEQ
#define SEQ_COUNTS(n) true
#else
#define SEQ_COUNTS(n) ((n) == next_seq)
#endif

inline land_commit(f, n) {
	place = PLACE(f, n);
	c = commit[place].command - 1;
	printf("log: command %d of fence %d, number %d, lands at %d\n", c, f, n, length);
	if
	:: EPOCH_COUNTS(f) && SEQ_COUNTS(n) ->
		assert((SKIPS(2) && SKIPS(5)) || !commit[place].condemned);    /* P2, P5 */
		assert((SKIPS(1) && SKIPS(4)) || !HAS(taken, c));              /* P1, P4 */
		assert(SKIPS(3) || commit[place].base == (taken & STREAM(c))); /* P3 */
		assert(SKIPS(3) || ACCEPTS(taken, c));                         /* P3 */
		taken = taken | BIT(c);
		next_seq = n + 1;
		log[length] = COMMIT(f, n, c);
		if
		:: current == 3 -> REACHED(10)
		:: else
		fi;
		if
		:: asked != 0 && REJECTS(taken, asked_command) ->
#ifdef FOLLOW_ALL
			asked_agreed = 1
#else
			forget_question()
#endif
		:: else
		fi
	:: else ->
		log[length] = VOID;
		check_void(c);
		REACHED(3)
	fi;
	length++;
	if
	:: (o[0].flight == f && n >= o[0].head && n < o[0].tail && o[0].mode == SERVING) ||
	   (o[1].flight == f && n >= o[1].head && n < o[1].tail && o[1].mode == SERVING) ->
		commit[place].at = length
	:: (o[0].flight == f && n >= o[0].head && n < o[0].tail && o[0].mode != SERVING) ||
	   (o[1].flight == f && n >= o[1].head && n < o[1].tail && o[1].mode != SERVING) ->
		commit[place].at = LANDED
	:: else ->
		forget_commit(place)
	fi;
	bound_dead()
}
