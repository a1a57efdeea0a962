/* An owner: how it comes to serve, and how what it has in flight is settled. */
/* --- an owner: what becomes of its commits in flight --- */

/* The oldest in flight is in the log at `offset`: it is acknowledged. */
inline settle_committed(i, offset) {
	place = PLACE(o[i].flight, o[i].head);
	c = commit[place].command - 1;
	printf("owner %d: command %d is committed at %d\n", o[i].fence, c, offset);
#ifndef EARLYACK
	assert(SKIPS(1) || (IS_COMMIT(log[offset]) && COMMAND_OF(log[offset]) == c)); /* P1 */
#endif
#ifdef FOLLOW_ACKED
	acked = acked | BIT(c);
#endif
	REACHED(1);
	if
	:: o[i].mode == SERVING && log[offset - 1] == VOID -> REACHED(4)
	:: else
	fi;
	o[i].known = o[i].known | BIT(c);
	o[i].view = o[i].view | BIT(c);
	o[i].position = offset + 1; /* before what `offset` may be an expression of */
	forget_commit(place);
	o[i].head++
}

/* Behind a fence all that is in flight is void for ever. */
inline settle_void(i) {
	for (s : o[i].head .. NI - 1) {
		if
		:: s < o[i].tail ->
			place = PLACE(o[i].flight, s);
			c = commit[place].command - 1;
			printf("owner %d: command %d is void\n", o[i].fence, c);
			for (x : 0 .. NL - 1) {
				assert(SKIPS(5) || log[x] != COMMIT(o[i].flight, s, c)) /* P5 */
			}
			check_void(c);
			if
			:: o[i].mode != SERVING -> REACHED(6)
			:: else
			fi;
			if
			:: commit[place].at == 0 -> commit[place].condemned = 1
			:: else -> forget_commit(place)
			fi
		:: else
		fi
	}
#ifndef NOREDECIDE
	o[i].view = o[i].known;
#endif
	o[i].flight = 0;
	o[i].head = 0;
	o[i].tail = 0
}

/* Crashed, released or lost: nothing is promised of what is in flight. */
inline go_idle(i) {
	for (s : o[i].head .. NI - 1) {
		if
		:: s < o[i].tail && commit[PLACE(o[i].flight, s)].at != 0 -> forget_commit(PLACE(o[i].flight, s))
		:: else
		fi
	}
	if
	:: asked != 0 && asked == o[i].fence -> forget_question()
	:: else
	fi;
	o[i].mode = IDLE;
	o[i].fence = 0;
	o[i].position = 0;
	o[i].known = 0;
	o[i].view = 0;
	o[i].flight = 0;
	o[i].head = 0;
	o[i].tail = 0
}

/* --- an owner: reading --- */

inline read_fence(i) {
	settle_void(i);
	if
	:: r == o[i].fence && o[i].mode == FENCING ->
		o[i].mode = SERVING;
		o[i].flight = r;
		printf("owner %d: serves\n", r)
	:: r != o[i].fence && o[i].mode == SERVING ->
		printf("owner %d: meets fence %d, is lost\n", o[i].fence, r);
		go_idle(i)
	:: else
	fi
}

/* The oldest in flight is told by its epoch and sequence number. */
#define IS_OLDEST_IN_FLIGHT(i)                                                                                         \
	(o[i].head < o[i].tail && epoch[FENCE_OF(r)] == epoch[o[i].flight] && SEQ_OF(r) == o[i].head)

inline read_record(i) {
	r = log[o[i].position];
	if
	:: r == VOID ->
		o[i].position++
	:: IS_COMMIT(r) && IS_OLDEST_IN_FLIGHT(i) ->
		if
		:: o[i].mode != SERVING -> REACHED(5)
		:: else
		fi;
		settle_committed(i, o[i].position)
	:: IS_COMMIT(r) && !IS_OLDEST_IN_FLIGHT(i) ->
#ifndef NOCATCHUP
		o[i].known = o[i].known | BIT(COMMAND_OF(r));
		o[i].view = o[i].view | BIT(COMMAND_OF(r));
#endif
		o[i].position++
	:: else ->
		o[i].position++;
		read_fence(i)
	fi
}

/* --- an owner: fencing --- */

#define BOTH_IDLE (o[0].mode == IDLE && o[1].mode == IDLE)
#define MAY_FENCE(i) (fences < NF && !((i) == 1 && BOTH_IDLE))

inline leave_serving(i) {
	if
	:: o[i].mode == SERVING ->
		for (s : o[i].head .. NI - 1) {
			if
			:: s < o[i].tail && commit[PLACE(o[i].flight, s)].at != 0 -> commit[PLACE(o[i].flight, s)].at = LANDED
			:: else
			fi
		}
		if
		:: o[i].head == o[i].tail ->
			o[i].flight = 0;
			o[i].head = 0;
			o[i].tail = 0
		:: else
		fi;
		if
		:: asked == o[i].fence -> forget_question()
		:: else
		fi
	:: else
	fi
}

/* Assigned the partition, or in doubt, or no answer to the last fence: reads to the end and sends a fence above all that it has read or tried. */
inline send_fence(i) {
	leave_serving(i);
	o[i].mode = CATCHING_UP;
	do
	:: o[i].position < length -> read_record(i)
	:: else -> break
	od;
	if
	:: o[i].flight != 0 && o[i].head == o[i].tail ->
		o[i].flight = 0;
		o[i].head = 0;
		o[i].tail = 0
	:: else
	fi;
	fences++;
	epoch[fences] = (epoch[o[i].fence] > epoch[current] -> epoch[o[i].fence] : epoch[current]) + 1;
	o[i].fence = fences;
	fence_sent[fences] = 1;
	printf("owner %d: has read up to %d, sends a fence of epoch %d\n", fences, length, epoch[fences]);
	o[i].mode = FENCING
}

/* Its fence has landed: reads up to it. A fence that isn't met is void: another was quicker. */
inline serve(i) {
#ifdef NOREAD
	do
	:: o[i].mode == FENCING && o[i].position < fence_at[o[i].fence] -> read_record(i)
	:: else -> break
	od;
	settle_void(i);
	o[i].mode = SERVING;
	o[i].flight = o[i].fence;
	o[i].position = fence_at[o[i].fence] + 1
#else
	do
	:: o[i].mode == FENCING && o[i].position < length -> read_record(i)
	:: else -> break
	od;
	if
	:: o[i].mode == FENCING -> go_idle(i)
	:: else
	fi
#endif
}
