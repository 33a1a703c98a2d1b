//! From JSON text to the bytes of a message, without a message in between.
//!
//! What is not plain (unknown names, `null`, maps, anything that is wrong) is [`Irregular`]: the reader of messages
//! reads it again, and says what is wrong.

use prost::encoding;
use prost_reflect::{FieldDescriptor, Kind as Reflected, Value};

use super::{
    Irregular, Result, Shapes, base64,
    shape::{Field, Kind, Shape},
    varint::{FIXED32, FIXED64, LENGTH, VARINT},
};
use crate::json::{Bounds, Cursor, number};

impl Shapes {
    /// Appends the message that the text is, without its length.
    pub(crate) fn write(&self, text: &[u8], bounds: Bounds, out: &mut Vec<u8>) -> Result {
        let mut writer = Writer {
            shapes: self,
            cursor: Cursor::new(text, bounds).map_err(|_| Irregular)?,
        };
        writer.object(self.root()?, out)?;
        writer.cursor.end().map_err(|_| Irregular)
    }
}

struct Writer<'a, 't> {
    shapes: &'a Shapes,
    cursor: Cursor<'t>,
}

/// Appends what `fill` does, with its length before it.
pub(crate) fn delimited<T>(
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> std::result::Result<(), T>,
) -> std::result::Result<(), T> {
    let start = out.len();
    out.push(0);
    fill(out)?;
    let length = out.len() - start - 1;
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out[start] = short;
        return Ok(());
    }
    let mut prefix = Vec::with_capacity(5);
    encoding::encode_varint(length as u64, &mut prefix);
    out.splice(start..=start, prefix);
    Ok(())
}

/// Appends number and wire type.
pub(crate) fn key(number: u32, wire: u8, out: &mut Vec<u8>) {
    encoding::encode_varint(u64::from(number << 3 | u32::from(wire)), out);
}

impl Writer<'_, '_> {
    fn object(&mut self, shape: &Shape, out: &mut Vec<u8>) -> Result {
        self.cursor.begin_object().map_err(|_| Irregular)?;
        let (mut seen, mut oneofs) = (0u128, 0);
        let mut first = true;
        while let Some(name) = self.cursor.next_key(first).map_err(|_| Irregular)? {
            first = false;
            let (place, field) = shape.named(&name).ok_or(Irregular)?;
            let bit = u32::try_from(place)
                .ok()
                .and_then(|place| 1u128.checked_shl(place));
            let bit = bit.ok_or(Irregular)?;
            if seen & bit != 0 || oneofs & field.oneof != 0 {
                return Err(Irregular);
            }
            seen |= bit;
            oneofs |= field.oneof;
            self.member(field, out)?;
        }
        Ok(())
    }

    fn member(&mut self, field: &Field, out: &mut Vec<u8>) -> Result {
        let wire = field.kind.wire();
        let start = out.len();
        if !field.repeated {
            key(field.number, wire, out);
            let is_set = self.value(&field.kind, out)?;
            if !is_set && !field.presence {
                out.truncate(start);
            }
            return Ok(());
        }
        self.cursor.begin_array().map_err(|_| Irregular)?;
        if !field.packed {
            let mut index = 0;
            while self.cursor.next_element(index).map_err(|_| Irregular)? {
                key(field.number, wire, out);
                self.value(&field.kind, out)?;
                index += 1;
            }
            return Ok(());
        }
        key(field.number, LENGTH, out);
        let mut index = 0;
        delimited(out, |out| {
            while self.cursor.next_element(index).map_err(|_| Irregular)? {
                self.value(&field.kind, out)?;
                index += 1;
            }
            Ok(())
        })?;
        if index == 0 {
            out.truncate(start);
        }
        Ok(())
    }

    /// False if it is the default of its kind.
    fn value(&mut self, kind: &Kind, out: &mut Vec<u8>) -> Result<bool> {
        match kind {
            Kind::Bool => {
                let value = self.cursor.boolean().map_err(|_| Irregular)?;
                out.push(value.into());
                Ok(value)
            }
            Kind::Int32 => self.whole::<i32>(out, |value, out| varint(i64::from(value), out)),
            Kind::Int64 => self.whole::<i64>(out, varint),
            Kind::Uint32 => self.whole::<u32>(out, |value, out| {
                encoding::encode_varint(value.into(), out);
            }),
            Kind::Uint64 => {
                let value = self.unsigned()?;
                encoding::encode_varint(value, out);
                Ok(value != 0)
            }
            Kind::Fixed32 => self.whole::<u32>(out, |value, out| out.extend(value.to_le_bytes())),
            Kind::Sfixed32 => self.whole::<i32>(out, |value, out| out.extend(value.to_le_bytes())),
            Kind::Sfixed64 => self.whole::<i64>(out, |value, out| out.extend(value.to_le_bytes())),
            Kind::Fixed64 => {
                let value = self.unsigned()?;
                out.extend(value.to_le_bytes());
                Ok(value != 0)
            }
            Kind::Float => {
                let value = number::float(self.number()?).ok_or(Irregular)?;
                out.extend(value.to_le_bytes());
                Ok(value.to_bits() != 0)
            }
            Kind::Double => {
                let value = number::double(self.number()?).ok_or(Irregular)?;
                out.extend(value.to_le_bytes());
                Ok(value.to_bits() != 0)
            }
            Kind::String => {
                let text = self.cursor.string().map_err(|_| Irregular)?;
                encoding::encode_varint(text.len() as u64, out);
                out.extend_from_slice(text.as_bytes());
                Ok(!text.is_empty())
            }
            Kind::Bytes => {
                let text = self.cursor.string().map_err(|_| Irregular)?;
                let bytes = base64::decode(text.as_bytes()).ok_or(Irregular)?;
                encoding::encode_varint(bytes.len() as u64, out);
                out.extend_from_slice(&bytes);
                Ok(!bytes.is_empty())
            }
            Kind::Enum(values) => {
                let name = self.cursor.string().map_err(|_| Irregular)?;
                let number = values.number(&name).ok_or(Irregular)?;
                varint(number.into(), out);
                Ok(number != 0)
            }
            Kind::Message(shape) => {
                let shapes = self.shapes;
                let shape = shapes.get(*shape)?;
                delimited(out, |out| self.object(shape, out))?;
                Ok(true)
            }
            // `sint` is rare, and so are they among what clients send most.
            Kind::Sint32 | Kind::Sint64 | Kind::Special(_) | Kind::Other => Err(Irregular),
        }
    }

    /// As it is written bare.
    fn number(&mut self) -> Result<&str> {
        self.cursor.number().map_err(|_| Irregular)
    }

    fn whole<I: TryFrom<i64> + Copy>(
        &mut self,
        out: &mut Vec<u8>,
        put: impl FnOnce(I, &mut Vec<u8>),
    ) -> Result<bool> {
        let value = if self.cursor.peek().map_err(|_| Irregular)? == b'"' {
            let text = self.cursor.string().map_err(|_| Irregular)?;
            plain::<i64>(&text)?
        } else {
            plain::<i64>(self.number()?)?
        };
        put(I::try_from(value).map_err(|_| Irregular)?, out);
        Ok(value != 0)
    }

    fn unsigned(&mut self) -> Result<u64> {
        if self.cursor.peek().map_err(|_| Irregular)? == b'"' {
            let text = self.cursor.string().map_err(|_| Irregular)?;
            return plain(&text);
        }
        plain(self.number()?)
    }
}

/// Digits alone; other ways to write a whole number are for the reader of messages.
fn plain<I: std::str::FromStr>(text: &str) -> Result<I> {
    if !number::is_number(text) {
        return Err(Irregular);
    }
    text.parse().map_err(|_| Irregular)
}

/// Negative ones are extended to 64 bits.
fn varint(value: i64, out: &mut Vec<u8>) {
    #[allow(clippy::cast_sign_loss)]
    encoding::encode_varint(value as u64, out);
}

/// Appends a scalar in its field; false if it cannot be appended so that it wins over what came before: messages and
/// lists are merged, and a default is not there.
pub(crate) fn scalar(field: &FieldDescriptor, value: &Value, out: &mut Vec<u8>) -> bool {
    if field.is_list() || (!field.supports_presence() && value.is_default_for_field(field)) {
        return false;
    }
    let number = field.number();
    match (value, field.kind()) {
        (Value::String(text), Reflected::String) => {
            key(number, LENGTH, out);
            encoding::encode_varint(text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        (Value::Bool(value), Reflected::Bool) => {
            key(number, VARINT, out);
            out.push((*value).into());
        }
        (Value::I32(value), Reflected::Int32) | (Value::EnumNumber(value), Reflected::Enum(_)) => {
            key(number, VARINT, out);
            varint((*value).into(), out);
        }
        (Value::I64(value), Reflected::Int64) => {
            key(number, VARINT, out);
            varint(*value, out);
        }
        (Value::U32(value), Reflected::Uint32) => {
            key(number, VARINT, out);
            encoding::encode_varint((*value).into(), out);
        }
        (Value::U64(value), Reflected::Uint64) => {
            key(number, VARINT, out);
            encoding::encode_varint(*value, out);
        }
        (Value::F32(value), Reflected::Float) => {
            key(number, FIXED32, out);
            out.extend(value.to_le_bytes());
        }
        (Value::F64(value), Reflected::Double) => {
            key(number, FIXED64, out);
            out.extend(value.to_le_bytes());
        }
        _ => return false,
    }
    true
}
