//! How fast the engine and the service are: every figure next to a peer or a limit of the same run.

mod bare;
mod commits;
mod contracts;
mod footprint;
mod http;
mod keeping_up;
mod lists;
mod load;
mod pace;
mod payouts;
pub mod report;
mod signatures;
mod throughput;
mod watch;

use eyre::Result;
use std::{collections::BTreeMap, time::Duration};

/// How often everything is measured; medians count.
const RUNS: usize = 5;

/// What is measured, and how thoroughly.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// One run instead of five, and less of everything.
    pub quick: bool,
    /// So many runs, if not as many as usual.
    pub runs: Option<usize>,
    /// Only measures with this in their name.
    pub only: Option<String>,
}

/// What a ratio must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

/// A kind of measurement.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// What is measured.
    pub name: &'static str,
    /// The unit of the value and of what it is compared with.
    pub unit: &'static str,
    /// What it is compared with.
    pub against: &'static str,
    /// What the value, divided by what it is compared with, must be.
    pub bound: Bound,
}

/// A measure in one run.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// What was measured.
    pub value: f64,
    /// What it is compared with.
    pub against: f64,
}

/// All readings of one measure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub measure: Measure,
    /// Once for each run.
    pub readings: Vec<Reading>,
}

/// What was measured, and what else is worth knowing of it.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The measures, in the order in which they came.
    pub rows: Vec<Row>,
    /// Further figures by name, once for each run.
    pub notes: BTreeMap<&'static str, Vec<f64>>,
}

impl Row {
    /// The median of what was measured.
    pub fn value(&self) -> f64 {
        median(self.readings.iter().map(|reading| reading.value))
    }

    /// The median of what it is compared with.
    pub fn against(&self) -> f64 {
        median(self.readings.iter().map(|reading| reading.against))
    }

    /// The median of the ratios, each of one run.
    pub fn ratio(&self) -> f64 {
        median(self.readings.iter().map(|reading| reading.value / reading.against))
    }

    /// Whether the ratio is as it must be.
    pub fn is_met(&self) -> bool {
        match self.measure.bound {
            Bound::AtLeast(least) => self.ratio() >= least,
            Bound::AtMost(most) => self.ratio() <= most,
        }
    }
}

impl Results {
    fn add(&mut self, measure: Measure, value: f64, against: f64) {
        let reading = Reading { value, against };
        match self.rows.iter_mut().find(|row| row.measure.name == measure.name) {
            Some(row) => row.readings.push(reading),
            None => self.rows.push(Row { measure, readings: vec![reading] }),
        }
    }

    fn note(&mut self, name: &'static str, value: f64) {
        self.notes.entry(name).or_default().push(value);
    }
}

impl Options {
    /// Whether everything is measured, as often and as thoroughly as it should be.
    pub const fn is_whole(&self) -> bool {
        !self.quick && self.runs.is_none() && self.only.is_none()
    }

    const fn runs(&self) -> usize {
        match self.runs {
            Some(runs) => runs,
            None if self.quick => 1,
            None => RUNS,
        }
    }

    /// Whether any of these measures is wanted.
    fn wants(&self, measures: &[Measure]) -> bool {
        let is_wanted = |only: &String| measures.iter().any(|m| m.name.contains(only.as_str()));
        self.only.as_ref().is_none_or(is_wanted)
    }

    /// How many of `count`.
    const fn scaled(&self, count: u64) -> u64 {
        if self.quick { count / 3 } else { count }
    }
}

/// Measures everything that is wanted. Runs are interleaved: each measures everything once.
///
/// # Errors
///
/// If there is no anvil, or something is not executed in time.
pub async fn measure(options: &Options) -> Result<Results> {
    let mut results = Results::default();
    let mut million = lists::Million::default();
    for run in 0..options.runs() {
        if options.wants(&[throughput::MEASURE]) {
            throughput::measure(options, run, &mut results).await?;
        }
        if options.wants(&[pace::BROADCAST, pace::CONFIRMATION]) {
            pace::measure(options, &mut results).await?;
        }
        if options.wants(&[footprint::CALLS, footprint::IDLE, footprint::GROWTH]) {
            footprint::measure(options, &mut results).await?;
        }
        if options.wants(&[keeping_up::WORST, keeping_up::P99]) {
            keeping_up::measure(options, &mut results).await?;
        }
        if options.wants(&[signatures::MEASURE]) {
            signatures::measure(options, &mut results)?;
        }
        if options.wants(&[http::ANSWER, http::LATE_ANSWER, http::COLD_START]) {
            http::measure(options, &mut results).await?;
        }
        if options.wants(&[contracts::CALLS]) {
            contracts::measure(options, &mut results).await?;
        }
        if options.wants(&[lists::MEASURE]) {
            million.measure(options, &mut results).await?;
        }
        if options.wants(&[commits::MEASURE]) {
            commits::measure(options, &mut results).await?;
        }
        let of_payouts =
            [payouts::PLANNING, payouts::GROWTH, payouts::RECONCILING, payouts::MEMORY];
        if options.wants(&of_payouts) {
            payouts::measure(options, &mut results).await?;
        }
    }
    Ok(results)
}

/// The value in the middle; the lower of two.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 50)
}

/// The smallest value that so many percent do not exceed. Not a number if there are none.
fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(place).copied().unwrap_or(f64::NAN)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values = || (1..=200).rev().map(f64::from);
        assert_eq!(percentile(values(), 50), 100.0);
        assert_eq!(percentile(values(), 99), 198.0);
        assert_eq!(percentile([7.0], 99), 7.0);
        assert!(percentile([], 50).is_nan());
    }

    #[test]
    fn a_row_is_met_by_the_median_of_its_ratios() {
        let measure = throughput::MEASURE;
        let reading = |value| Reading { value, against: 10.0 };
        let mut row = Row { measure, readings: vec![reading(9.0), reading(8.0), reading(1.0)] };
        assert!(row.is_met());
        row.readings.push(reading(2.0));
        row.readings.push(reading(3.0));
        assert!(!row.is_met());
    }
}
