use super::*;

fn started() -> Event {
    let labels = [("com.x".into(), "a b, c".into())].into();
    let time = "2026-11-27T00:38:08.134047721Z".parse().expect("a time");
    Event::container("start", "2dcc6480", "e1", "busybox", &labels).at(time)
}

/// What docker 28.5 printed.
#[test]
fn events_are_dockers_in_text_and_json() {
    let event = started();
    assert_eq!(
        event.text(&TimeZone::UTC),
        "2026-11-27T00:38:08.134047721Z container start 2dcc6480 (com.x=a b, c, image=busybox, name=e1)"
    );
    let json = concat!(
        r#"{"status":"start","id":"2dcc6480","from":"busybox","Type":"container","Action":"start","#,
        r#""Actor":{"ID":"2dcc6480","Attributes":{"com.x":"a b, c","image":"busybox","name":"e1"}},"#,
        r#""scope":"local","time":1795739888,"timeNano":1795739888134047721}"#
    );
    assert_eq!(serde_json::to_string(&event).expect("JSON"), json);
    assert_eq!(serde_json::from_str::<Event>(json).expect("an event"), event);
    let time = event.moment();
    let volume = Event::new(EventKind::Volume, "create", "v1").with("driver", "local").at(time);
    assert_eq!(volume.text(&TimeZone::UTC), "2026-11-27T00:38:08.134047721Z volume create v1 (driver=local)");
    let json = serde_json::to_string(&volume).expect("JSON");
    assert!(json.starts_with(r#"{"Type":"volume","Action":"create","Actor":{"ID":"v1","Attributes""#), "{json}");
    let prune = Event::new(EventKind::Container, "prune", "").with("reclaimed", 0).at(time);
    assert_eq!(prune.text(&TimeZone::UTC), "2026-11-27T00:38:08.134047721Z container prune  (reclaimed=0)");
}

#[test]
fn times_are_those_of_the_reader() {
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    assert_eq!(&started().text(&zone)[..36], "2026-11-27T02:38:08.134047721+02:00 ");
}
