/* SPDX-License-Identifier: MIT */
/*
 * src/gate.cpp and the way in which a child leaves the gate (leave_gate() of
 * src/child_path.cpp), for spin. Function by function; what the code does in
 * one atomic step is one step here.
 *
 * Checked:
 *   - no closer is inside while a child is unclean (assertions);
 *   - nobody sleeps for ever (end states, and the claims below), although a
 *     child may be killed between any two of its steps, and may hang for ever
 *     in an exec that comes after it has left;
 *   - each closer and each spawner that wants to enter does (claims), if the
 *     mutex is fair. It is a ticket lock here; a futex mutex lets everybody in
 *     but promises no order.
 */
#ifndef CLOSERS
#define CLOSERS 2
#endif
#ifndef SPAWNERS
#define SPAWNERS 2
#endif
#define ALL (CLOSERS + SPAWNERS)

byte closers, closers_waiting;
bit closers_turn, spawners_turn;
bool linked[SPAWNERS];		/* in the list of those inside */
bool waiting[SPAWNERS];		/* in the list of those outside */
bool unclean[SPAWNERS];

bool locked;			/* the mutex */
byte ticket, served;		/* and, if it is to be fair, who is next */

/*
 * The futex: a waiter sleeps unless events was counted up after it had looked.
 * A counter that never wraps, seen by each waiter.
 */
bool stale[ALL], asleep[ALL];

/* For the checks alone. */
byte inside;
bool closer_wants[CLOSERS], spawner_wants[SPAWNERS];

/* In a critical section only the steps that children see are steps here. */
#ifdef FAIR
inline lock()
{
	d_step { mine = ticket; ticket = (ticket + 1) % ALL }
	d_step { served == mine -> mine = 0 }
}

inline unlock()
{
	served = (served + 1) % ALL
}
#else
inline lock()
{
	d_step { !locked -> locked = true }
}

inline unlock()
{
	locked = false
}
#endif

/* What was looked at comes after: see the caller. */
inline wait(me)
{
	unlock();
	d_step { if :: stale[me] :: else -> asleep[me] = true fi }
	!asleep[me];
	lock()
}

inline count_up()
{
	d_step {
		for (each : 0 .. ALL - 1) { stale[each] = true }
		each = 0
	}
}

inline wake_all()
{
	d_step {
		for (each : 0 .. ALL - 1) { asleep[each] = false }
		each = 0
	}
}

inline notify()
{
	count_up();
	wake_all()
}

inline any_spawner_waits()
{
	d_step {
		found = false;
		for (each : 0 .. SPAWNERS - 1) {
			found = found || waiting[each]
		}
		each = 0
	}
}

/* One look at each, as children go on meanwhile. */
inline look_for_unclean()
{
	found = false;
	do
	:: each < SPAWNERS ->
		d_step {
			found = found || (linked[each] && unclean[each]);
			each++
		}
	:: else -> each = 0; break
	od
}

inline admit_closers()
{
	d_step {
		closers = closers + closers_waiting;
		closers_waiting = 0;
		closers_turn = 1 - closers_turn
	}
	notify()
}

inline admit_spawners()
{
	d_step {
		for (each : 0 .. SPAWNERS - 1) {
			if
			:: waiting[each] ->
				waiting[each] = false;
				unclean[each] = true;
				linked[each] = true
			:: else
			fi
		}
		each = 0;
		spawners_turn = 1 - spawners_turn
	}
	notify()
}

inline enter_closer(me)
{
	lock();
	any_spawner_waits();
	if
	:: !found -> look_for_unclean()
	:: else
	fi;
	if
	:: !found ->
		closers++;
		if
		:: closers_waiting != 0 -> admit_closers()
		:: else
		fi
	:: else ->
		d_step { closers_waiting++; turn = closers_turn }
		do
		:: closers_turn != turn -> break
		:: else ->
			d_step { stale[me] = false; found = (closers != 0) }
			if
			:: !found -> look_for_unclean()
			:: else
			fi;
			if
			:: !found -> admit_closers()
			:: else -> wait(me)
			fi
		od
	fi;
	atomic { found = false; turn = 0; closer_wants[me] = false; inside++ }
	unlock()
}

inline leave_closer()
{
	lock();
	any_spawner_waits();
	d_step { closers--; inside--; found = found && closers == 0 }
	if
	:: found -> admit_spawners()
	:: else
	fi;
	found = false;
	unlock()
}

inline enter_spawner(id, me)
{
	lock();
	if
	:: closers == 0 && closers_waiting == 0 ->
		d_step { unclean[id] = true; linked[id] = true }
	:: else ->
		d_step { waiting[id] = true; turn = spawners_turn }
		do
		:: spawners_turn != turn -> break
		:: else -> stale[me] = false; wait(me)
		od
	fi;
	atomic { turn = 0; spawner_wants[id] = false }
	unlock()
}

inline leave_spawner(id)
{
	lock();
	linked[id] = false;
	unlock();
	unclean[id] = false;
	if
	:: closers_waiting != 0 -> notify()
	:: else
	fi
}

#define may_hold_too_much(id) (linked[id] && unclean[id])

active [CLOSERS] proctype closer()
{
	byte mine, each;
	bit turn;
	bool found;

end:
	do
	:: true ->
		closer_wants[_pid] = true;
		enter_closer(_pid);
		look_for_unclean();
		assert(!found);
		leave_closer()
	od
}

/* The thread that spawns and, while that is suspended, its child. */
active [SPAWNERS] proctype spawner()
{
	byte mine, each;
	bit turn;
	byte id = _pid - CLOSERS;	/* its processes come after theirs */

end:
	do
	:: true ->
		spawner_wants[id] = true;
		enter_spawner(id, _pid);
		assert(inside == 0);	/* the child's table is copied */
		/* The child, which may be killed before each step. */
		if
		:: goto gone
		:: unclean[id] = false
		fi;
		if
		:: goto gone
		:: closers_waiting != 0 ->
			if :: goto gone :: count_up() fi;
			if :: goto gone :: wake_all() fi
		:: closers_waiting == 0
		fi;
		if
		:: goto gone
		:: true ->
end_exec:		false		/* an exec that hangs for ever */
		fi;
gone:
		leave_spawner(id)
	od
}

ltl closer_enters { [] (closer_wants[0] -> <> !closer_wants[0]) }
ltl spawner_enters { [] (spawner_wants[0] -> <> !spawner_wants[0]) }
