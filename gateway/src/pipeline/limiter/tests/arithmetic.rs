//! How much passes, and when.

use std::{thread, time::Duration};

use proptest::prelude::*;

use super::{super::Cause, admitted, ask, limit};

const SECOND: u64 = 1_000_000_000;

/// A bucket that fills steadily, in plain numbers: what flows in during a nanosecond is `amount`, and a cost of 1 is a
/// whole period.
struct Model {
    amount: u128,
    period: u128,
    burst: u128,
    level: u128,
    last: u64,
}

impl Model {
    fn new(amount: u32, seconds: u64, burst: u32) -> Self {
        let period = u128::from(seconds * SECOND);
        Self {
            amount: amount.into(),
            period,
            burst: burst.into(),
            level: u128::from(burst) * period,
            last: 0,
        }
    }

    fn has(&mut self, cost: u32, now: u64) -> bool {
        let flown = u128::from(now - self.last) * self.amount;
        self.level = (self.level + flown).min(self.burst * self.period);
        self.last = now;
        self.level >= u128::from(cost) * self.period
    }

    fn take(&mut self, cost: u32) {
        self.level -= u128::from(cost) * self.period;
    }

    fn left(&self) -> u32 {
        u32::try_from(self.level / self.period).unwrap()
    }
}

/// Amounts that divide every period, for models that agree to the nanosecond.
const ROUND: [u32; 8] = [1, 2, 4, 5, 10, 50, 100, 1000];

/// Pauses between questions, of very different lengths, and costs.
fn arrivals() -> impl Strategy<Value = Vec<(u64, u32)>> {
    let pause = prop_oneof![Just(0), 1..10_000_000u64, 1..SECOND, SECOND..60 * SECOND,];
    prop::collection::vec((pause, 1..8u32), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// One rate decides as the model, and tells what is left; what it refuses it admits when it says so.
    #[test]
    fn one_rate_is_a_bucket_that_fills(
        amount in prop::sample::select(&ROUND[..]),
        minutes in any::<bool>(),
        burst in 1..30u32,
        arrivals in arrivals(),
    ) {
        let (unit, seconds) = if minutes { ("m", 60) } else { ("s", 1) };
        let limit = limit(&format!("rates: {amount}/{unit}, burst: {burst}"));
        let mut model = Model::new(amount, seconds, burst);
        let mut now = 0;
        for (pause, cost) in arrivals {
            now += pause;
            let has = model.has(cost, now);
            match ask(&limit, None, cost, now) {
                Ok(admission) => {
                    prop_assert!(has, "{cost} at {now}");
                    model.take(cost);
                    prop_assert_eq!(admission.left.unwrap().remaining, model.left());
                }
                Err(refused) if cost > burst => prop_assert_eq!(refused.cause, Cause::Cost),
                Err(refused) => {
                    prop_assert!(!has, "{cost} at {now}");
                    prop_assert_eq!(refused.cause, Cause::Rate);
                    prop_assert_eq!(refused.left.unwrap().remaining, model.left());
                    let wait = u64::try_from(refused.retry_after.unwrap().as_nanos()).unwrap();
                    prop_assert!(ask(&limit, None, cost, now + wait - 1).is_err());
                    now += wait;
                    prop_assert!(model.has(cost, now));
                    prop_assert!(ask(&limit, None, cost, now).is_ok());
                    model.take(cost);
                }
            }
        }
    }

    /// Of several rates all must have enough, and then all give; else none does.
    #[test]
    fn several_rates_give_all_or_nothing(
        by_second in prop::sample::select(&ROUND[..]),
        by_minute in prop::sample::select(&ROUND[..]),
        by_hour in prop::sample::select(&ROUND[..]),
        burst in 8..30u32,
        arrivals in arrivals(),
    ) {
        let limit = limit(&format!(
            "rates: [{by_minute}/m, {by_second}/s, {by_hour}/h], burst: {burst}"
        ));
        let mut models = [
            Model::new(by_minute, 60, by_minute),
            Model::new(by_second, 1, burst),
            Model::new(by_hour, 3600, by_hour),
        ];
        let mut now = 0;
        for (pause, cost) in arrivals {
            now += pause;
            let has = models.each_mut().map(|model| model.has(cost, now)).iter().all(|has| *has);
            let answer = ask(&limit, None, cost, now);
            prop_assert_eq!(answer.is_ok(), has);
            if let Ok(admission) = answer {
                models.iter_mut().for_each(|model| model.take(cost));
                let left = models.iter().map(Model::left).min();
                prop_assert_eq!(admission.left.map(|left| left.remaining), left);
            }
        }
    }

    /// Whatever the rate, between any two moments no more passes than the burst and what flows in meanwhile, and nobody
    /// who waits as told waits in vain for long: rounding costs at most a thousandth.
    #[test]
    fn never_more_than_allowed_in_any_window(
        amount in 1..20_000u32,
        burst in 1..50u32,
        warms_up in any::<bool>(),
        arrivals in arrivals(),
    ) {
        let warm_up = if warms_up { ", warm-up: 10s" } else { "" };
        let limit = limit(&format!("rates: {amount}/s, burst: {burst}{warm_up}"));
        let mut passed: Vec<(u64, u32)> = Vec::new();
        let mut now = 0;
        for (pause, cost) in arrivals {
            now += pause;
            let cost = cost.min(burst);
            let mut tries = 0;
            while let Err(refused) = ask(&limit, None, cost, now) {
                now += u64::try_from(refused.retry_after.unwrap().as_nanos()).unwrap();
                tries += 1;
                prop_assert!(tries < 4, "it never passes");
            }
            passed.push((now, cost));
        }
        for (first, (from, _)) in passed.iter().enumerate() {
            let mut sum = 0;
            for (until, cost) in &passed[first..] {
                sum += u128::from(*cost);
                let flown = u128::from(until - from) * u128::from(amount);
                let allowed = u128::from(burst) * u128::from(SECOND) + flown;
                prop_assert!(sum * u128::from(SECOND) <= allowed, "{sum} from {from} to {until}");
            }
        }
    }
}

/// A crowd that asks all the time gets what the rate promises.
#[test]
fn a_rate_is_used_up_to_a_thousandth() {
    for amount in [3, 7, 333, 7_777, 99_999, 1_000_000] {
        let limit = limit(&format!("rates: {amount}/s, burst: 1"));
        let mut now = 0;
        let mut passed = 0;
        while now < 10 * SECOND && passed < 2_000 {
            match ask(&limit, None, 1, now) {
                Ok(_) => passed += 1,
                Err(refused) => {
                    now += u64::try_from(refused.retry_after.unwrap().as_nanos()).unwrap();
                }
            }
        }
        let expected = f64::from(amount) * now as f64 / SECOND as f64 + 1.0;
        let got = f64::from(passed);
        assert!(
            got <= expected && got >= expected * 0.999 - 1.0,
            "{amount}: {got} of {expected}"
        );
    }
}

/// Passed in each second, when there is always somebody who asks.
fn by_second(limit: &super::Limit, seconds: u64, from: u64) -> Vec<usize> {
    let passed = |second| {
        (0..1000)
            .map(|step| {
                admitted(
                    limit,
                    None,
                    1,
                    from + second * SECOND + step * (SECOND / 1000),
                )
            })
            .sum()
    };
    (0..seconds).map(passed).collect()
}

#[test]
fn a_warm_up_begins_at_a_third_and_grows_to_the_whole() {
    let limit = limit("rates: 300/s, burst: 3, warm-up: 10s");
    let passed = by_second(&limit, 12, 0);
    // In the second that begins at s: the mean of what is allowed, 300 * (1/3 + 2/3 * s/10), and a burst of one.
    for (second, passed) in passed.iter().enumerate() {
        let mean = (100.0 + 20.0 * (second as f64 + 0.5)).min(300.0);
        let off = (*passed as f64 - mean).abs();
        assert!(off <= 4.0, "{passed} in second {second}, not {mean}");
    }
    assert_eq!(passed[10..], [300, 300]);
}

/// After a pause as long as the warm-up it begins anew; after a shorter one it does not.
#[test]
fn a_pause_makes_cold() {
    let limit = limit("rates: 300/s, burst: 3, warm-up: 10s");
    assert_eq!(by_second(&limit, 11, 0)[10], 300);
    let short = by_second(&limit, 1, 20 * SECOND);
    assert!(short[0] >= 300, "{short:?}");
    let long = by_second(&limit, 1, 31 * SECOND);
    assert!(long[0] <= 115, "{long:?}");
}

/// What a full bucket gives when it is warm, it gives when it is cold: no cost is refused for ever.
#[test]
fn a_cold_bucket_gives_its_whole_burst_at_once() {
    let limit = limit("rates: 10/s, burst: 10, warm-up: 10s");
    assert!(ask(&limit, None, 10, 0).is_ok());
    assert!(ask(&limit, None, 1, 0).is_err());
}

#[test]
fn a_cost_of_nothing_takes_nothing() {
    let limit = limit("rates: [2/s, 5/m], concurrency: 1");
    for _ in 0..10 {
        let admission = ask(&limit, None, 0, 0).unwrap();
        assert_eq!(admission.left.unwrap().remaining, 2);
        assert!(admission.permit.is_none());
    }
    drop(ask(&limit, None, 2, 0).unwrap());
    let left = ask(&limit, None, 0, 0).unwrap().left.unwrap();
    assert_eq!((left.remaining, left.next), (0, Duration::from_millis(500)));
}

/// All workers together get exactly what there is, with a lock and without.
#[test]
fn workers_share_one_count() {
    for (yaml, keys) in [
        ("rates: 1000/h", &[None][..]),
        ("rates: [1000/h, 100000/d]", &[None]),
        (
            "rates: 1000/h, by: tenant",
            &[Some("acme"), Some("umbrella")],
        ),
    ] {
        let limit = limit(yaml);
        let sum: usize = thread::scope(|scope| {
            let work = || {
                let each = |key: &Option<&str>| admitted(&limit, *key, 500, 0);
                keys.iter().map(each).sum::<usize>()
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert_eq!(sum, 1000 * keys.len(), "{yaml}");
    }
}
