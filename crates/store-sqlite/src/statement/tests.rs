//! Tests of the splitting at named parameters.

use super::pieces;

#[test]
fn text_is_split_at_its_parameters() {
    let parts: Vec<_> = pieces("a = :left AND b = :left_hand)").collect();
    assert_eq!(parts, [("a = ", Some("left")), (" AND b = ", Some("left_hand")), (")", None)]);
    assert_eq!(pieces("nothing").collect::<Vec<_>>(), [("nothing", None)]);
    assert_eq!(pieces(":x").collect::<Vec<_>>(), [("", Some("x")), ("", None)]);
}
