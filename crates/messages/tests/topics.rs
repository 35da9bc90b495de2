//! Topics and groups as design.md §7 lists them.

use std::{collections::HashSet, time::Duration};

use messages::{ConsumerGroup, Topic};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn dead_letters_stay_a_week_in_one_partition_and_the_rest_three_days_in_three() {
    for topic in Topic::ALL {
        let expected = if topic.name().starts_with("dlq.") {
            (1, HOUR * 24 * 7)
        } else {
            (3, HOUR * 24 * 3)
        };
        assert_eq!((topic.partitions(), topic.retention()), expected, "{topic:?}");
        assert_eq!(topic.is_dlq(), topic.name().starts_with("dlq."));
    }
}

#[test]
fn every_source_topic_has_its_own_dead_letter_topic() {
    let sources: Vec<_> = Topic::ALL.into_iter().filter(|topic| !topic.is_dlq()).collect();
    let dead: HashSet<_> = sources.iter().map(|topic| topic.dlq()).collect();
    assert_eq!(dead.len(), sources.len());
    assert_eq!(Topic::PaymentEvents.dlq().name(), "dlq.payment");
    assert!(dead.iter().all(|topic| topic.is_dlq()));
}

#[test]
fn names_are_found_again_and_take_the_prefix() {
    for topic in Topic::ALL {
        assert_eq!(Topic::from_name(topic.name()), Some(topic));
    }
    assert_eq!(Topic::from_name("payments"), None);
    assert_eq!(Topic::SeatEvents.with_prefix("t1-"), "t1-seat.events");
}

#[test]
fn groups_are_named_for_consumer_and_source() {
    let names: HashSet<_> = ConsumerGroup::ALL.iter().map(|group| group.name()).collect();
    assert_eq!(names.len(), ConsumerGroup::ALL.len());
    for group in ConsumerGroup::ALL {
        let source = group.topic().name().strip_suffix(".events").unwrap();
        assert!(group.name().ends_with(&format!("-{source}-consumer")), "{group:?}");
    }
    assert_eq!(
        ConsumerGroup::EVENT_PAYMENT.with_prefix("t1-"),
        "t1-event-payment-consumer"
    );
}
