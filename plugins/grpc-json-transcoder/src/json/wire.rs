//! Between the bytes of a message and JSON text, without a message in between.
//!
//! That holds for bytes as encoders write them: fields in the order of their numbers, each that comes once but once.
//! Everything else is [`Irregular`]: it is left to [`Printer`](super::Printer), which gives the same text for what
//! both can print.

mod shape;
mod varint;
pub(crate) mod write;

use prost_reflect::DynamicMessage;

use super::{
    PrintOptions, Printer, base64,
    print::{print_float, print_text},
};
use crate::settings::Int64;
use shape::{Enumeration, Field, Kind, Shape};
use varint::Bytes;

pub(crate) use shape::Shapes;

/// Not printed here, for whatever reason.
#[derive(Debug)]
pub(crate) struct Irregular;

type Result<T = ()> = std::result::Result<T, Irregular>;

impl Shapes {
    /// Adds the message as one object, and tells how many fields it had that the descriptors do not know. What has been
    /// added when it turns out to be irregular has to be taken away.
    pub(crate) fn print(
        &self,
        bytes: &[u8],
        options: &PrintOptions,
        out: &mut String,
    ) -> Result<u64> {
        if options.whitespace || options.defaults {
            return Err(Irregular);
        }
        let mut walk = Walk {
            shapes: self,
            options,
            out,
            depth: 0,
            unknown: 0,
        };
        walk.message(self.root()?, bytes)?;
        Ok(walk.unknown)
    }
}

struct Walk<'a> {
    shapes: &'a Shapes,
    options: &'a PrintOptions,
    out: &'a mut String,
    depth: u32,
    unknown: u64,
}

impl Walk<'_> {
    fn message(&mut self, shape: &Shape, bytes: &[u8]) -> Result {
        if self.depth == self.options.depth {
            return Err(Irregular);
        }
        self.depth += 1;
        self.out.push('{');
        let start = self.out.len();
        let mut bytes = Bytes(bytes);
        let (mut at, mut last, mut oneofs) = (0, 0, 0u64);
        while let Some((number, wire)) = bytes.key()? {
            if number < last {
                return Err(Irregular);
            }
            let Some((index, field)) = shape.find(number, at) else {
                bytes.skip(wire)?;
                self.unknown += 1;
                continue;
            };
            if number == last || oneofs & field.oneof != 0 {
                return Err(Irregular);
            }
            (at, last) = (index, number);
            oneofs |= field.oneof;
            self.field(field, wire, &mut bytes, start)?;
        }
        self.out.push('}');
        self.depth -= 1;
        Ok(())
    }

    /// One member, with all elements of a list.
    fn field(&mut self, field: &Field, wire: u8, bytes: &mut Bytes<'_>, start: usize) -> Result {
        let before = self.out.len();
        if before > start {
            self.out.push(',');
        }
        let name = if self.options.proto_names {
            &field.proto_name
        } else {
            &field.json_name
        };
        self.out.push_str(name);
        if field.repeated {
            self.out.push('[');
            let first = self.out.len();
            self.elements(field, wire, bytes, first)?;
            if self.out.len() == first {
                self.out.truncate(before);
            } else {
                self.out.push(']');
            }
            return Ok(());
        }
        if wire != field.kind.wire() {
            return Err(Irregular);
        }
        let printed = self.value(&field.kind, bytes)?;
        // A field without presence is not there when it has its default.
        if !printed && !field.presence {
            self.out.truncate(before);
        }
        Ok(())
    }

    fn elements(
        &mut self,
        field: &Field,
        mut wire: u8,
        bytes: &mut Bytes<'_>,
        first: usize,
    ) -> Result {
        loop {
            if wire == field.kind.wire() {
                self.element(field, bytes, first)?;
            } else if wire == varint::LENGTH && field.kind.is_packable() {
                let mut packed = Bytes(bytes.length_delimited()?);
                while !packed.0.is_empty() {
                    self.element(field, &mut packed, first)?;
                }
            } else {
                return Err(Irregular);
            }
            let mut ahead = Bytes(bytes.0);
            match ahead.key()? {
                Some((number, next)) if number == field.number => {
                    *bytes = ahead;
                    wire = next;
                }
                _ => return Ok(()),
            }
        }
    }

    fn element(&mut self, field: &Field, bytes: &mut Bytes<'_>, first: usize) -> Result {
        if self.out.len() > first {
            self.out.push(',');
        }
        self.value(&field.kind, bytes).map(drop)
    }

    /// False if it is the default of its kind.
    fn value(&mut self, kind: &Kind, bytes: &mut Bytes<'_>) -> Result<bool> {
        let out = &mut *self.out;
        match kind {
            Kind::Bool => {
                let value = bytes.varint()? != 0;
                out.push_str(if value { "true" } else { "false" });
                Ok(value)
            }
            // Negative ones are sign-extended to 64 bits, and cut as decoders cut them.
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
            Kind::Int32 => Ok(signed(i64::from(bytes.varint()? as i32), out)),
            #[allow(clippy::cast_possible_truncation)]
            Kind::Uint32 => Ok(unsigned(u64::from(bytes.varint()? as u32), out)),
            #[allow(clippy::cast_possible_truncation)]
            Kind::Sint32 => Ok(signed(
                varint::zigzag(u64::from(bytes.varint()? as u32)),
                out,
            )),
            Kind::Fixed32 => Ok(unsigned(u64::from(u32::from_le_bytes(bytes.fixed()?)), out)),
            Kind::Sfixed32 => Ok(signed(i64::from(i32::from_le_bytes(bytes.fixed()?)), out)),
            #[allow(clippy::cast_possible_wrap)]
            Kind::Int64 => {
                let value = bytes.varint()? as i64;
                Ok(self.long(value.unsigned_abs(), value < 0))
            }
            Kind::Uint64 => {
                let value = bytes.varint()?;
                Ok(self.long(value, false))
            }
            Kind::Sint64 => {
                let value = varint::zigzag(bytes.varint()?);
                Ok(self.long(value.unsigned_abs(), value < 0))
            }
            Kind::Fixed64 => {
                let value = u64::from_le_bytes(bytes.fixed()?);
                Ok(self.long(value, false))
            }
            Kind::Sfixed64 => {
                let value = i64::from_le_bytes(bytes.fixed()?);
                Ok(self.long(value.unsigned_abs(), value < 0))
            }
            Kind::Float => {
                let value = f32::from_le_bytes(bytes.fixed()?);
                print_float(value, f64::from(value), out);
                Ok(value.to_bits() != 0)
            }
            Kind::Double => {
                let value = f64::from_le_bytes(bytes.fixed()?);
                print_float(value, value, out);
                Ok(value.to_bits() != 0)
            }
            Kind::String => {
                let text = std::str::from_utf8(bytes.length_delimited()?).map_err(|_| Irregular)?;
                print_text(text, out);
                Ok(!text.is_empty())
            }
            Kind::Bytes => {
                let value = bytes.length_delimited()?;
                out.push('"');
                base64::encode_into(value, out);
                out.push('"');
                Ok(!value.is_empty())
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
            Kind::Enum(values) => Ok(self.enumeration(values, bytes.varint()? as i32)),
            Kind::Message(shape) => {
                let inner = bytes.length_delimited()?;
                let shapes = self.shapes;
                self.message(shapes.get(*shape)?, inner)?;
                Ok(true)
            }
            Kind::Special(descriptor) => {
                let message = DynamicMessage::decode(descriptor.clone(), bytes.length_delimited()?)
                    .map_err(|_| Irregular)?;
                self.special(&message)?;
                Ok(true)
            }
            Kind::Other => Err(Irregular),
        }
    }

    fn special(&mut self, message: &DynamicMessage) -> Result {
        let out = std::mem::take(self.out);
        let mut printer = Printer::within(out, *self.options, self.depth);
        let printed = printer.message(message);
        self.unknown += printer.unknown();
        *self.out = printer.finish();
        printed.map_err(|_| Irregular)
    }

    fn long(&mut self, size: u64, negative: bool) -> bool {
        let quoted = match self.options.int64 {
            Int64::String => true,
            Int64::Number => false,
            Int64::NumberIfSafe => size > super::print::SAFE,
        };
        if quoted {
            self.out.push('"');
        }
        if negative {
            self.out.push('-');
        }
        unsigned(size, self.out);
        if quoted {
            self.out.push('"');
        }
        size != 0
    }

    fn enumeration(&mut self, values: &Enumeration, number: i32) -> bool {
        match values.name(number).filter(|_| !self.options.enum_numbers) {
            Some(name) => self.out.push_str(name),
            None => {
                signed(number.into(), self.out);
            }
        }
        number != 0
    }
}

fn signed(value: i64, out: &mut String) -> bool {
    if value < 0 {
        out.push('-');
    }
    unsigned(value.unsigned_abs(), out)
}

/// Twice as fast as formatting.
fn unsigned(value: u64, out: &mut String) -> bool {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        // A remainder of ten is one digit.
        #[allow(clippy::cast_possible_truncation)]
        let digit = (rest % 10) as u8;
        digits[at] = b'0' + digit;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|digit| char::from(*digit)));
    value != 0
}

#[cfg(test)]
mod tests;
