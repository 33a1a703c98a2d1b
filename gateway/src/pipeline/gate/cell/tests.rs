mod quiet;

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use super::{
    super::{
        row::Row,
        window::{Outcome, Totals},
        windows::Span,
    },
    *,
};

const FAILED: Outcome = Outcome {
    failure: 1000,
    slow: false,
};
const MINUTE: Span = (60_000, 0);
const OPEN: Position = Position::Open {
    during: 60_000,
    probes: 2,
};

fn cell() -> Arc<Cell> {
    let home = Arc::new(Home::new(&"breaker".into(), "default"));
    Arc::new(Cell::new(&home, "route=r", 0))
}

fn why() -> Reason {
    Reason::new("failures", "too many of them")
}

fn enter(cell: &Arc<Cell>, now: u64) -> Result<Pass, Refused> {
    cell.enter(|| now)
}

#[test]
fn the_way_round() {
    let cell = cell();
    let pass = enter(&cell, 0).unwrap();
    assert_eq!(pass.stance, Stance::Closed);
    assert!(pass.publish(OPEN, why(), 1_000));
    assert_eq!(enter(&cell, 1_500).unwrap_err(), Refused { after: 59_500 });
    assert_eq!(cell.state(60_999), State::Open);
    assert_eq!(cell.state(61_000), State::HalfOpen);
    let probe = enter(&cell, 61_000).unwrap();
    let other = enter(&cell, 61_000).unwrap();
    assert_eq!((probe.stance, probe.opened), (Stance::HalfOpen, 60_000));
    assert!(enter(&cell, 61_000).is_err());
    drop(other);
    let other = enter(&cell, 61_000).expect("a permit has been given back");
    let ramp = Position::Ramp {
        from: 10,
        over: 10_000,
    };
    assert!(probe.publish(ramp, why(), 62_000));
    assert!(!other.is_current() && !other.publish(OPEN, why(), 62_000));
    assert_eq!(cell.state(62_000), State::Ramp);
    assert_eq!(enter(&cell, 72_000).unwrap().stance, Stance::Closed);
    let moves: Vec<_> = cell.view(72_000).recent.iter().map(|it| it.to).collect();
    let expected = [State::Open, State::HalfOpen, State::Ramp, State::Closed];
    assert_eq!(moves, expected);
}

#[test]
fn a_ramp_lets_a_growing_share_pass() {
    let cell = cell();
    let ramp = Position::Ramp {
        from: 10,
        over: 1_000,
    };
    enter(&cell, 0).unwrap().publish(ramp, why(), 0);
    for (now, share) in [(0, 100), (500, 550), (999, 999)] {
        let passed = (0..1_000).filter(|_| enter(&cell, now).is_ok()).count();
        assert!(passed.abs_diff(share) <= 5, "{passed} at {now}");
    }
}

#[test]
fn what_ends_late_counts_nothing() {
    let cell = cell();
    let (first, late) = (enter(&cell, 0).unwrap(), enter(&cell, 0).unwrap());
    assert_eq!(first.record(MINUTE, FAILED, 0).calls, 1);
    assert_eq!(first.record_in_a_row(1000).failures, 1000);
    assert!(first.publish(Position::Closed, why(), 0));
    assert_eq!(late.record(MINUTE, FAILED, 0), Totals::default());
    assert_eq!(late.record_in_a_row(1000), Row::default());
    let fresh = enter(&cell, 0).unwrap();
    assert_eq!(fresh.record(MINUTE, FAILED, 0).calls, 1);
    assert_eq!(fresh.record((1_000, 0), FAILED, 0).calls, 1);
    assert_eq!(fresh.record((60_000, 1), FAILED, 0).calls, 1);
    assert_eq!(fresh.record(MINUTE, FAILED, 0).calls, 2);
}

#[test]
fn what_was_counted_many_moves_ago_counts_no_more() {
    let cell = cell();
    enter(&cell, 0).unwrap().record(MINUTE, FAILED, 0);
    // However few bits of the version there are, and within the window.
    for moves in 1..=40 {
        let now = moves * 1_400;
        let pass = enter(&cell, now).unwrap();
        pass.publish(Position::Closed, why(), now);
        assert_eq!(cell.view(now).windows[0].1, Totals::default(), "{moves}");
    }
}

#[test]
fn an_operator_has_the_last_word() {
    let cell = cell();
    let pass = enter(&cell, 0).unwrap();
    cell.hold(Some(Hold::Open), 0);
    assert!(enter(&cell, 1 << 30).is_err());
    assert!(!pass.publish(Position::Closed, why(), 0));
    cell.hold(Some(Hold::Closed), 0);
    let pass = enter(&cell, 0).unwrap();
    assert_eq!(pass.stance, Stance::Forced);
    assert!(!pass.publish(OPEN, why(), 0) && !pass.is_current());
    cell.hold(None, 0);
    assert_eq!(enter(&cell, 0).unwrap().stance, Stance::Closed);
    assert!(cell.is_idle(0, 0));
}

#[test]
fn a_cell_that_nobody_asks_for_may_go() {
    let cell = cell();
    enter(&cell, 0).unwrap().publish(OPEN, why(), 0);
    assert!(!cell.is_idle(1_000, 59_999), "it is open");
    assert!(cell.is_idle(1_000, 60_000) && !cell.is_idle(70_000, 69_999));
    cell.touch(60_000);
    assert!(!cell.is_idle(1_000, 119_999));
    cell.hold(Some(Hold::Closed), 200_000);
    assert!(!cell.is_idle(0, 1 << 30), "an operator holds it");
}

/// Eight threads let calls fail and open the cell at a hundred failures. It opens exactly once each time, at exactly a
/// hundred, and no call that failed before is left over for the next time.
#[test]
fn a_limit_is_reached_exactly_once_in_parallel() {
    const THREADS: usize = 8;
    const LIMIT: u64 = 100;
    for round in 0..200 {
        let cell = cell();
        let (opened, seen) = (AtomicUsize::new(0), AtomicU64::new(0));
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    while let Ok(pass) = enter(&cell, 0) {
                        let totals = pass.record(MINUTE, FAILED, 0);
                        if totals.failures >= LIMIT * 1000 && pass.publish(OPEN, why(), 0) {
                            opened.fetch_add(1, SeqCst);
                            seen.store(totals.calls, SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(opened.load(SeqCst), 1, "in round {round}");
        // Those that were on their way at the same time may have counted too.
        let seen = seen.load(SeqCst);
        assert!((LIMIT..LIMIT + THREADS as u64).contains(&seen), "{seen}");
        assert_eq!(cell.view(0).row, Row::default());
    }
}

/// However many come at once, no more probes are on their way than there are permits, and none gets lost.
#[test]
fn probes_are_bounded_in_parallel() {
    const THREADS: usize = 8;
    let cell = cell();
    enter(&cell, 0).unwrap().publish(OPEN, why(), 0);
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    if let Ok(probe) = enter(&cell, 61_000) {
                        let there = now.fetch_add(1, SeqCst) + 1;
                        most.fetch_max(there, SeqCst);
                        now.fetch_sub(1, SeqCst);
                        drop(probe);
                    }
                }
            });
        }
    });
    assert!(most.load(SeqCst) <= 2, "{most:?}");
    assert_eq!(cell.view(61_000).probes, 0);
    assert!(enter(&cell, 61_000).is_ok());
}

/// Threads that move a cell as they like, and others that come to it: what passes passes for a reason.
#[test]
fn positions_are_read_whole() {
    let cell = cell();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..50_000_u64 {
                let next = match round % 3 {
                    0 => Position::Open {
                        during: 1_000,
                        probes: 1,
                    },
                    1 => Position::Ramp {
                        from: 100,
                        over: 5_000,
                    },
                    _ => Position::Closed,
                };
                let pass = cell.pass(cell.words.get().version, Stance::Closed, 0);
                assert!(pass.publish(next, why(), 0));
            }
            done.store(true, SeqCst);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(SeqCst) {
                    match enter(&cell, 500) {
                        Ok(pass) => assert_ne!(pass.stance, Stance::HalfOpen),
                        Err(refused) => assert_eq!(refused.after, 500),
                    }
                }
            });
        }
    });
}
