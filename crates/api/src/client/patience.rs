//! How long a client waits, and how often it asks.

use std::time::Duration;

/// How long a client waits, and how often it asks. The default is what people and scripts want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// What one answer may take, from connecting to the last byte. A long poll may take longer.
    pub answer: Duration,
    /// What a whole list may take, all its pages together.
    pub list: Duration,
    /// How long to wait before each further try. After as many further tries it is given up.
    pub pauses: Vec<Duration>,
    /// How long a stream of events may be silent before it counts as cut.
    pub silence: Duration,
    /// How long to wait before a stream that was cut is opened again, the first time; each further time twice as long.
    pub first_back_off: Duration,
    /// The longest such wait.
    pub longest_back_off: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            list: Duration::from_secs(60),
            pauses: vec![Duration::from_millis(200), Duration::from_millis(600)],
            silence: Duration::from_secs(60),
            first_back_off: Duration::from_millis(250),
            longest_back_off: Duration::from_secs(15),
        }
    }
}
