//! Capability `log`: lines in the gateway's log, marked with plugin, route and exchange.
//!
//! ```
//! use witgate_plugin::log;
//!
//! log::info!("{} keys", 3);
//! ```

use crate::backend;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Writes a line. Longer than 8 KiB is cut; more than the plugin's rate is dropped and counted.
pub fn write(level: Level, message: &str) {
    backend::log(level, message);
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($arg:tt)+) => {
        $crate::log::write($crate::log::Level::$level, &::std::format!($($arg)+))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __debug { ($($arg:tt)+) => { $crate::__log!(Debug, $($arg)+) }; }
#[doc(hidden)]
#[macro_export]
macro_rules! __info { ($($arg:tt)+) => { $crate::__log!(Info, $($arg)+) }; }
#[doc(hidden)]
#[macro_export]
macro_rules! __warn { ($($arg:tt)+) => { $crate::__log!(Warn, $($arg)+) }; }
#[doc(hidden)]
#[macro_export]
macro_rules! __error { ($($arg:tt)+) => { $crate::__log!(Error, $($arg)+) }; }

pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};
