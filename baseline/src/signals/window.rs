//! What one counter did over the last minutes.

use std::collections::VecDeque;

/// A counter followed over a window: how much it rose, and how much of the time that is known for.
///
/// It knows resets: a counter that is lower than before began again at zero.
#[derive(Clone, Debug)]
pub(super) struct Window {
    last: f64,
    /// Of `last`. Milliseconds since 1970.
    last_time: i64,
    /// The rise since the newest slot was closed.
    open: Slot,
    /// Closed at the evaluations before, oldest first.
    slots: VecDeque<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// When it was closed. Milliseconds since 1970.
    end: i64,
    rise: f64,
    /// Time over which the rise was seen. Milliseconds.
    seen: i64,
}

/// How much a counter rose over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rise {
    /// In the counter's unit.
    pub(super) amount: f64,
    /// Seconds for which it is known, at most the length of the window and one evaluation.
    pub(super) seconds: f64,
}

impl Window {
    /// A counter seen for the first time.
    pub(super) fn new(value: f64, time: i64) -> Self {
        Self {
            last: value,
            last_time: time,
            open: Slot::default(),
            slots: VecDeque::new(),
        }
    }

    /// A counter that was not on the page at `before` and so began at zero since then.
    pub(super) fn born(value: f64, before: i64, time: i64) -> Self {
        let mut window = Self::new(0.0, before);
        window.observe(value, time, i64::MAX);
        window
    }

    /// Takes a value. After a gap longer than `longest` (milliseconds), and when the clock went
    /// back, nothing is said about the time between. What is no number is left out.
    pub(super) fn observe(&mut self, value: f64, time: i64, longest: i64) {
        if !value.is_finite() {
            return;
        }
        let elapsed = time.saturating_sub(self.last_time);
        if elapsed > 0 && elapsed <= longest {
            let is_reset = value < self.last;
            self.open.rise += if is_reset { value } else { value - self.last };
            self.open.seen += elapsed;
        }
        (self.last, self.last_time) = (value, time);
    }

    /// Closes the slot of an evaluation at `time` and forgets what is older than `longest`.
    pub(super) fn close(&mut self, time: i64, longest: i64) {
        let open = std::mem::take(&mut self.open);
        self.slots.push_back(Slot { end: time, ..open });
        let is_old = |slot: &Slot| slot.end <= time.saturating_sub(longest) || slot.end > time;
        while self.slots.front().is_some_and(is_old) {
            self.slots.pop_front();
        }
    }

    /// The rise over the `window` (milliseconds) that ends at `time`, the last evaluation.
    pub(super) fn rise(&self, time: i64, window: i64) -> Rise {
        let newest_first = self.slots.iter().rev();
        let inside = newest_first.take_while(|slot| slot.end > time.saturating_sub(window));
        inside.fold(Rise::default(), |rise, slot| Rise {
            amount: rise.amount + slot.rise,
            seconds: rise.seconds + slot.seen as f64 / 1000.0,
        })
    }

    /// When it was last seen. Milliseconds since 1970.
    pub(super) fn last_time(&self) -> i64 {
        self.last_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn after(values: &[f64]) -> Window {
        let mut window = Window::new(values[0], 0);
        for (minute, value) in values.iter().enumerate().skip(1) {
            let time = minute as i64 * MINUTE;
            window.observe(*value, time, 5 * MINUTE);
            window.close(time, 5 * MINUTE);
        }
        window
    }

    #[test]
    fn it_knows_the_rise_of_the_window_alone() {
        let window = after(&[0.0, 100.0, 101.0, 102.0, 103.0, 104.0, 106.0]);
        let rise = window.rise(6 * MINUTE, 5 * MINUTE);
        assert_eq!((rise.amount, rise.seconds), (6.0, 300.0));
        let rise = window.rise(6 * MINUTE, 2 * MINUTE);
        assert_eq!((rise.amount, rise.seconds), (3.0, 120.0));
    }

    #[test]
    fn a_reset_counts_from_zero() {
        let window = after(&[1000.0, 1010.0, 4.0, 5.0]);
        assert_eq!(window.rise(3 * MINUTE, 5 * MINUTE).amount, 15.0);
    }

    #[test]
    fn a_counter_that_was_not_there_before_began_at_zero() {
        let mut window = Window::born(3.0, 0, MINUTE);
        window.close(MINUTE, 5 * MINUTE);
        let rise = window.rise(MINUTE, 5 * MINUTE);
        assert_eq!((rise.amount, rise.seconds), (3.0, 60.0));
    }

    #[test]
    fn a_long_gap_a_clock_that_goes_back_and_no_number_say_nothing() {
        let mut window = Window::new(10.0, 0);
        window.observe(f64::NAN, MINUTE, 5 * MINUTE);
        window.observe(50.0, 60 * MINUTE, 5 * MINUTE);
        window.observe(70.0, 30 * MINUTE, 5 * MINUTE);
        window.close(31 * MINUTE, 5 * MINUTE);
        assert_eq!(window.rise(31 * MINUTE, 5 * MINUTE), Rise::default());
        window.observe(71.0, 31 * MINUTE, 5 * MINUTE);
        window.close(32 * MINUTE, 5 * MINUTE);
        assert_eq!(window.rise(32 * MINUTE, 5 * MINUTE).amount, 1.0);
    }

    #[test]
    fn slots_from_a_future_that_the_clock_took_back_go() {
        let mut window = Window::new(0.0, 0);
        window.observe(5.0, 100 * MINUTE, i64::MAX);
        window.close(100 * MINUTE, 5 * MINUTE);
        window.observe(6.0, 2 * MINUTE, 5 * MINUTE);
        window.close(2 * MINUTE, 5 * MINUTE);
        assert_eq!(window.rise(2 * MINUTE, 5 * MINUTE).amount, 0.0);
    }
}
