//! Successes that are counted without the plugin: nothing is lost, and whoever has to be told is told.

use std::hint;

use proptest::{collection::vec, prelude::*};

use super::*;

const SPANS: [Span; 3] = [(100, 0), (60_000, 0), (60_000, 1)];

/// What the plugin does at the end of an exchange, and what it is told.
fn tell(pass: &Pass, outcome: Outcome, now: u64) -> (Row, [Totals; 3]) {
    let row = pass.record_in_a_row(outcome.failure);
    (row, SPANS.map(|span| pass.record(span, outcome, now)))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    End(Outcome),
    Wait(u64),
    Move,
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = (
        prop_oneof![Just(0), Just(500)],
        proptest::bool::weighted(0.1),
    );
    let outcome = outcome.prop_map(|(failure, slow)| Step::End(Outcome { failure, slow }));
    let success = Step::End(Outcome::default());
    prop_oneof![
        2 => outcome,
        12 => Just(success),
        4 => (1..200_u64).prop_map(Step::Wait),
        1 => (1..70_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Move),
    ]
}

proptest! {
    /// A cell whose plugin hears of everything, and one whose plugin hears of what it has to: they always remember the
    /// same, and who is told is told the same. Who is not told would have heard of nothing bad.
    #[test]
    fn it_is_as_if_the_plugin_were_told_of_everything(steps in vec(step(), 1..200)) {
        let (all, some) = (cell(), cell());
        let mut now = 0;
        for step in steps {
            let (one, mut other) = (enter(&all, now).unwrap(), enter(&some, now).unwrap());
            match step {
                Step::Wait(time) => now += time,
                Step::Move => {
                    one.publish(Position::Closed, why(), now);
                    other.publish(Position::Closed, why(), now);
                }
                Step::End(outcome) => {
                    let before = all.view(now).row;
                    let told = tell(&one, outcome, now);
                    let quiet = outcome.failure == 0 && !outcome.slow;
                    if quiet && other.record_success(&SPANS, || now) {
                        let bad = told.1.iter().any(|it| it.failures + it.slow > 0);
                        prop_assert!(!bad && before.failures == 0, "{:?}", told);
                    } else {
                        prop_assert_eq!(tell(&other, outcome, now), told);
                    }
                }
            }
            prop_assert_eq!(all.view(now).row, some.view(now).row);
            prop_assert_eq!(all.view(now).windows, some.view(now).windows);
        }
    }
}

#[test]
fn the_plugin_is_told_while_something_bad_is_remembered_and_no_longer() {
    let cell = cell();
    let success = |now| {
        enter(&cell, now)
            .unwrap()
            .record_success(&SPANS[..1], || now)
    };
    let tell = |outcome: Outcome, now| {
        let pass = enter(&cell, now).unwrap();
        pass.record_in_a_row(outcome.failure);
        pass.record(SPANS[0], outcome, now);
    };
    assert!(success(0) && success(999));
    tell(FAILED, 1_000);
    assert!(!success(1_000), "it is in the row");
    tell(Outcome::default(), 1_000);
    assert!(!success(1_099), "it is in the window");
    assert!(success(1_100));
    let slow = Outcome {
        failure: 0,
        slow: true,
    };
    tell(slow, 1_200);
    assert!(!success(1_299) && success(1_300));
    // A cell that is moved begins anew.
    tell(FAILED, 2_000);
    enter(&cell, 2_000)
        .unwrap()
        .publish(Position::Closed, why(), 2_001);
    assert!(success(2_001));
}

#[test]
fn only_what_passed_a_closed_cell_that_still_stands_so_is_counted() {
    let cell = cell();
    let mut late = enter(&cell, 0).unwrap();
    enter(&cell, 0).unwrap().publish(OPEN, why(), 0);
    assert!(!late.record_success(&[], || 0));
    let mut probe = enter(&cell, 60_000).unwrap();
    assert!(!probe.record_success(&[], || 60_000));
    let ramp = Position::Ramp {
        from: 100,
        over: 1_000,
    };
    probe.publish(ramp, why(), 60_000);
    assert!(!enter(&cell, 60_000).unwrap().record_success(&[], || 60_000));
    cell.hold(Some(Hold::Closed), 60_000);
    assert!(!enter(&cell, 60_000).unwrap().record_success(&[], || 60_000));
    assert_eq!(cell.view(60_000).row, Row::default());
}

#[test]
fn what_is_counted_is_not_counted_again() {
    let cell = cell();
    let mut pass = enter(&cell, 0).unwrap();
    assert!(pass.record_success(&[MINUTE], || 0));
    // As if a failure had been counted at the same time.
    let failed = enter(&cell, 0).unwrap();
    failed.record_in_a_row(1000);
    failed.record(MINUTE, FAILED, 0);
    let totals = pass.record(MINUTE, Outcome::default(), 0);
    assert_eq!((totals.calls, totals.failures), (2, 1000));
    assert_eq!(pass.record_in_a_row(0).failures, 1000);
    assert_eq!(cell.view(0).windows[0].1, totals);
}

/// In each round some succeed and one fails, all at the same time: everything is counted once, and one of those who are
/// told sees it all.
#[test]
fn of_those_that_end_at_the_same_time_one_sees_them_all() {
    const SUCCESSES: u64 = 1;
    const ROUNDS: usize = 10_000;
    let cells: Vec<_> = (0..ROUNDS).map(|_| cell()).collect();
    let come = AtomicUsize::new(0);
    // Nobody begins a round before all have ended the one before.
    let begin = |round: usize| {
        let all = (round + 1) * (SUCCESSES as usize + 1);
        come.fetch_add(1, SeqCst);
        while come.load(SeqCst) < all {
            thread::yield_now();
        }
    };
    // Neither is always the first.
    let dawdle = |time: usize| (0..time).for_each(|_| hint::spin_loop());
    let succeed = || {
        let cells = cells.iter().enumerate();
        let told = cells.map(|(round, cell)| {
            let mut pass = enter(cell, 0).unwrap();
            begin(round);
            dawdle(round % 41);
            let told = !pass.record_success(&SPANS, || 0);
            told.then(|| tell(&pass, Outcome::default(), 0).1[2].calls)
        });
        told.collect::<Vec<_>>()
    };
    let fail = || {
        let cells = cells.iter().enumerate();
        let told = cells.map(|(round, cell)| {
            let pass = enter(cell, 0).unwrap();
            begin(round);
            dawdle(round % 97);
            Some(pass.record(SPANS[2], FAILED, 0).calls)
        });
        told.collect::<Vec<_>>()
    };
    let told: Vec<_> = thread::scope(|scope| {
        let successes = [(); SUCCESSES as usize].map(|()| scope.spawn(succeed));
        let failures = scope.spawn(fail).join().unwrap();
        let successes = successes.map(|thread| thread.join().unwrap());
        successes.into_iter().chain([failures]).collect()
    });
    for (round, cell) in cells.iter().enumerate() {
        let most = told.iter().filter_map(|told| told[round]).max();
        assert_eq!(most, Some(SUCCESSES + 1), "in round {round}");
        let calls = cell.view(0).windows.iter().map(|(_, it)| it.calls).max();
        assert_eq!(calls, Some(SUCCESSES + 1), "in round {round}");
    }
}
