//! The little DER that RSA keys need: sequences of integers.

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

/// A sequence of unsigned integers, given as big-endian bytes.
pub fn sequence(integers: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for integer in integers {
        let digits = trimmed(integer);
        let mut value = Vec::with_capacity(digits.len() + 1);
        if digits.first().is_none_or(|first| first & 0x80 != 0) {
            value.push(0);
        }
        value.extend(digits);
        body.extend(element(INTEGER, &value));
    }
    element(SEQUENCE, &body)
}

/// The integers of a sequence, as big-endian bytes without leading zeros.
pub fn integers(der: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut body, _) = content(SEQUENCE, der)?;
    let mut integers = Vec::new();
    while !body.is_empty() {
        let (value, rest) = content(INTEGER, body)?;
        integers.push(trimmed(value));
        body = rest;
    }
    Some(integers)
}

/// A number's bytes without leading zeros.
pub fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(value.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = value.len().to_be_bytes();
            let digits = trimmed(&length);
            // At most eight bytes, so that this never carries into the flag.
            out.push(0x80 | (digits.len() as u8));
            out.extend(digits);
        }
    }
    out.extend(value);
    out
}

/// The value of the element at the front, and what follows it.
fn content(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = if *short < 0x80 {
        (usize::from(*short), rest)
    } else {
        let digits = usize::from(short & 0x7f);
        let (digits, rest) = rest.split_at_checked(digits)?;
        let length = digits.iter().try_fold(0usize, |length, byte| {
            length.checked_mul(256)?.checked_add(usize::from(*byte))
        })?;
        (length, rest)
    };
    (*first == tag).then_some(())?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_survive_both_ways() {
        let long = [0xffu8; 300];
        let der = sequence(&[&[0], &[0, 1], &long, &[1, 0, 1]]);
        assert_eq!(&der[..4], [0x30, 0x82, 0x01, 0x3c]);
        let read = integers(&der).unwrap();
        assert_eq!(read, [&[][..], &[1], &long, &[1, 0, 1]]);
    }

    #[test]
    fn torn_input_is_refused() {
        let der = sequence(&[&[1; 200]]);
        for end in 0..der.len() {
            assert_eq!(integers(&der[..end]), None, "{end}");
        }
        assert_eq!(integers(&[0x31, 0]), None);
    }
}
