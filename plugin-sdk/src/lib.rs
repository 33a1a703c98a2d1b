//! Write policies for witgate.
