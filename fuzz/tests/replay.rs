//! Every input of the corpus keeps every demand, in the ordinary tests; and the demands can be broken.

use orchd_fuzz::{TARGETS, Target, corpus, demand};

#[test]
fn every_input_of_the_corpus_is_read_in_order() {
    for target in TARGETS {
        let inputs = corpus::load(target.name).unwrap();
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for (path, bytes) in inputs {
            println!("{}", path.display());
            demand::read(target, &bytes);
        }
    }
}

#[test]
fn every_first_input_may_grow() {
    for target in TARGETS {
        let (path, bytes) = corpus::load(target.name).unwrap().remove(0);
        println!("{}", path.display());
        let middle = bytes.len() / 2;
        demand::grow(target, &bytes, 0..bytes.len());
        demand::grow(target, &bytes, middle..(middle + 7).min(bytes.len()));
    }
}

fn hoards(bytes: &[u8]) {
    let kept: Vec<Vec<u8>> = (0..200).map(|_| bytes.to_vec()).collect();
    assert!(kept.iter().all(|copy| copy.len() == bytes.len()));
}

#[test]
#[should_panic(expected = "at once for an input")]
fn a_reader_that_hoards_is_found() {
    demand::read(&Target { name: "hoards", read: hoards, memory: 64 }, &[7; 64 * 1024]);
}

/// Looks at all bytes for every thousandth.
fn compares_all(bytes: &[u8]) {
    let equal: usize = bytes.iter().step_by(1000).map(|a| bytes.iter().filter(|b| a == *b).count()).sum();
    assert!(equal >= bytes.len() / 1000);
}

#[test]
#[should_panic(expected = "more than linear")]
fn a_reader_that_takes_the_square_of_time_is_found() {
    demand::grow(&Target { name: "compares", read: compares_all, memory: 64 }, b"abc", 0..3);
}
