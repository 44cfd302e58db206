use std::cell::RefCell;

use super::*;

#[test]
fn of_many_lines_one_is_written_and_the_others_are_counted() {
    let said = Said::default();
    let lines = RefCell::new(Vec::new());
    (0..1_000).for_each(|_| said.now(|more| lines.borrow_mut().push(more)));
    assert_eq!(*lines.borrow(), [0]);
    said.0.lock().unwrap().0 = Instant::now().checked_sub(PAUSE * 2);
    said.now(|more| lines.borrow_mut().push(more));
    assert_eq!(*lines.borrow(), [0, 999]);
}
