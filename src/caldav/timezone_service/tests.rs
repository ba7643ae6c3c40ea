use chrono::DateTime;

use super::{classic, standard};

fn query(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_older_service_names_what_is_wrong() {
    for (text, status, element) in [
        ("query=true", 400, "supported-method"),
        ("method=true", 400, "supported-method"),
        ("method=list&method=list", 400, "valid-method"),
        ("method=get", 400, "valid-timezone"),
        ("method=get&tzid=America/Pittsburgh", 404, "timezone-available"),
        ("method=expand&tzid=Europe/Paris", 400, "valid-start-date"),
        ("method=expand&tzid=Europe/Paris&start=2007", 400, "valid-start-date"),
        ("method=expand&tzid=Europe/Paris&start=20080101", 400, "valid-end-date"),
        ("method=expand&tzid=Europe/Paris&start=20080101&end=20080101", 400, "valid-end-date"),
    ] {
        let error = classic::answer(&query(text)).unwrap_err();
        let precondition = error.precondition.unwrap();
        assert_eq!((error.status, &*precondition.name().local), (status, element), "{text}");
    }
}

#[test]
fn the_older_service_expands() {
    let text = "method=expand&tzid=America/New_York&start=20080101&end=20090101";
    let classic::Answer::Observances(list) = classic::answer(&query(text)).unwrap() else {
        panic!("no observances");
    };
    let list: Vec<(&str, &str)> = list.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(
        list,
        [("20080101T000000", "-0500"), ("20080309T020000", "-0400"), ("20081102T020000", "-0500"),]
    );
    assert_eq!(classic::answer(&[]).unwrap(), classic::Answer::About);
    assert!(matches!(
        classic::answer(&query("method=get&tzid=GB")).unwrap(),
        classic::Answer::Calendar(_)
    ));
}

fn ask(path: &str, text: &str) -> standard::Answer {
    let path: Vec<String> = path.split('|').map(str::to_owned).collect();
    standard::answer(&path, &query(text), "/stdtimezones", DateTime::UNIX_EPOCH)
}

#[test]
fn the_standard_service_names_what_is_wrong() {
    for (path, text, status, code) in [
        ("foobar", "", 400, "invalid-action"),
        ("zones|a|b", "", 400, "invalid-action"),
        ("zones|America/Pittsburgh", "", 404, "tzid-not-found"),
        ("zones", "pattern=a&pattern=b", 400, "invalid-pattern"),
        ("zones", "pattern=*", 400, "invalid-pattern"),
        ("zones", "pattern=a*b", 400, "invalid-pattern"),
        ("zones", "pattern=a\\b", 400, "invalid-pattern"),
        ("zones", "changedsince=2025a&changedsince=2025b", 400, "invalid-changedsince"),
        ("zones", "changedsince=yesterday", 400, "invalid-changedsince"),
        ("zones|Europe/Paris", "start=2010-01-01T00:00:00Z", 400, "invalid-start"),
        ("zones|Europe/Paris", "end=2010-01-01T00:00:00Z", 400, "invalid-end"),
        ("observances|Europe/Paris", "", 400, "invalid-start"),
        ("observances|Europe/Paris", "start=20070101", 400, "invalid-start"),
        ("observances|Europe/Paris", "start=2007-01-01T00:00:00Z", 400, "invalid-end"),
    ] {
        let standard::Answer::Problem(found, body) = ask(path, text) else {
            panic!("{path} {text}");
        };
        assert_eq!((found, body["error-code"].as_str()), (status, Some(code)), "{path} {text}");
    }
}

#[test]
fn the_standard_service_finds_and_expands() {
    for (pattern, found) in [
        ("US/Eastern", "America/New_York"),
        ("America/New_*", "America/New_York"),
        ("*new york*", "America/New_York"),
        ("Africa/L*", "Africa/Maputo"),
    ] {
        let standard::Answer::Json(body) = ask("zones", &format!("pattern={pattern}")) else {
            panic!("{pattern}");
        };
        let zones = body["timezones"].as_array().unwrap();
        assert!(zones.iter().any(|zone| zone["tzid"] == found), "{pattern}: {body}");
        assert!(zones.len() < 10, "{pattern}: {body}");
    }
    let range = "start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z";
    let standard::Answer::Json(body) = ask("zones|America/New_York|observances", range) else {
        panic!("no observances");
    };
    let expected = include_str!("../../../fixtures/caldav/timezone_service/new_york_2008.json");
    assert_eq!(body, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    assert!(matches!(ask("capabilities", ""), standard::Answer::Json(_)));
}
