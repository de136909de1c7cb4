//! What the digest leaves out, and that it does not depend on how the stream is cut.

use super::*;

const TEXT: &str = "diff --git a/x b/x\nindex 1111..2222 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ fn f\n a\n-b\n+@@ -9 +9 @@\n";

fn digest(text: &[u8], step: usize) -> Digest {
    let mut hasher = PatchHasher::default();
    for piece in text.chunks(step) {
        hasher.feed(piece);
    }
    hasher.finish()
}

#[test]
fn line_numbers_and_text_index_lines_are_left_out_and_nothing_else() {
    let left = TEXT.replace("index 1111..2222 100644\n", "").replace("@@ -1,2 +1,2 @@ fn f", "@@ @@ fn f");
    let mut plain = sha2::Sha256::new();
    plain.update(left.as_bytes());
    let expected: String = plain.finalize().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(digest(TEXT.as_bytes(), TEXT.len()).as_str(), expected);
    assert_ne!(digest(TEXT.as_bytes(), 1), digest(TEXT.replace("+@@ -9", "+@@ -8").as_bytes(), 1), "content");
}

#[test]
fn the_index_line_of_a_binary_file_is_kept() {
    let binary = "diff --git a/x b/x\nindex 1111..2222 100644\nGIT binary patch\ndelta 5\nMcmZ\n\n";
    assert_ne!(digest(binary.as_bytes(), 99), digest(binary.replace("1111", "3333").as_bytes(), 99));
    assert_eq!(digest(TEXT.as_bytes(), 99), digest(TEXT.replace("1111", "3333").as_bytes(), 99));
}

#[test]
fn the_cut_of_the_stream_does_not_matter() {
    let whole = digest(TEXT.as_bytes(), TEXT.len());
    assert!((1..TEXT.len()).all(|step| digest(TEXT.as_bytes(), step) == whole));
}
