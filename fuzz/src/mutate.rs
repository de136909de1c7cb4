//! Inputs from inputs: bytes flipped, parts cut, repeated, moved, taken from another input, numbers and brackets made
//! extreme. The same seed gives the same inputs.

use std::ops::Range;

use fastrand::Rng;

/// No input is longer.
const LONGEST: usize = 32 * 1024;

/// What formats stumble over.
const HOSTILE: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"---\n",
    b"...\n",
    b"&a ",
    b"*a",
    b"!!binary ",
    b"? ",
    b"- ",
    b": ",
    b"|\n",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"1e-999",
    b"18446744073709551616",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"0.1",
    b"NaN",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"sk-fuzz-0123456789",
    b"***",
    b"../",
    b"\"v\":0",
    b"\"v\":4294967296",
    b"verdict: pass\n",
    b"{\"type\":\"result\"}\n",
];

/// An input made of one of `inputs`, with parts of others.
pub fn mutated(rng: &mut Rng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.choice(inputs).cloned().unwrap_or_default();
    for _ in 0..=rng.u8(..6) {
        mutate(rng, &mut bytes, inputs);
        bytes.truncate(LONGEST);
    }
    bytes
}

/// A part of an input, for instance to be repeated.
pub fn part(rng: &mut Rng, bytes: &[u8]) -> Range<usize> {
    let from = rng.usize(..=bytes.len());
    let longest = (bytes.len() - from).min(if rng.bool() { 8 } else { 400 });
    from..from + rng.usize(..=longest)
}

fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, inputs: &[Vec<u8>]) {
    let at = rng.usize(..=bytes.len());
    match rng.u8(..9) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.u8(..);
            }
        }
        2 => {
            let part = part(rng, bytes);
            bytes.drain(part);
        }
        3 => bytes.truncate(at),
        4 => {
            let most = if rng.u8(..8) == 0 { 200 } else { 4 };
            let copied = bytes[part(rng, bytes)].repeat(rng.usize(1..=most));
            insert(bytes, at, &copied);
        }
        5 => {
            let hostile = rng.choice(HOSTILE).copied().unwrap_or_default();
            insert(bytes, at, hostile);
        }
        6 => {
            let part = part(rng, bytes);
            let hostile = rng.choice(HOSTILE).copied().unwrap_or_default();
            bytes.splice(part, hostile.iter().copied());
        }
        7 => {
            let other = rng.choice(inputs).map(Vec::as_slice).unwrap_or_default();
            let copied = &other[part(rng, other)];
            insert(bytes, at, copied);
        }
        _ => number(rng, bytes),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

/// Some number of the text becomes an extreme one.
fn number(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let digits: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at).collect();
    let Some(from) = rng.choice(&digits).copied() else { return };
    let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let numbers: [&[u8]; 6] =
        [b"0", b"-1", b"99999999999999999999", b"1e308", b"9223372036854775807", b"4294967295"];
    let extreme = rng.choice(numbers).unwrap_or_default();
    bytes.splice(from..from + length, extreme.iter().copied());
}
