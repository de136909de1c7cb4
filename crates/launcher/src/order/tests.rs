//! What is heard of an order: whole, in part, or something else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Order;

fn order() -> Order {
    Order { dir: PathBuf::from("/runs/1"), hidden: BTreeMap::from([("KEY".to_owned(), "s3".to_owned())]) }
}

#[test]
fn half_an_order_is_none() {
    let bytes = order().bytes().expect("written");
    for end in 0..bytes.len() {
        assert_eq!(Order::hear(&bytes[..end]).expect("not an error"), None, "{end} bytes");
    }
    assert_eq!(Order::hear(&bytes[..]).expect("heard"), Some(order()));
}

#[test]
fn what_is_no_order_is_an_error() {
    for said in ["no order", "{\"dir\":1,\"hidden\":{}}", "{\"dir\":\"/runs/1\",\"hidden\":{}} more"] {
        assert!(Order::hear(said.as_bytes()).is_err(), "{said}");
    }
}
