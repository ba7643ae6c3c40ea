//! Every limit of the server in one table. Loops over client data stop at one of these.
//!
//! Limits that an administrator may move live in `config`; their defaults are taken from here.

/// Bytes of one request head (request line and all header fields).
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;
/// Milliseconds after its arrival at which a request is refused to somebody who may not know what
/// is there. More than the server needs to find out, so that the time of the answer tells nothing.
pub const REFUSAL_MS: u64 = 5;
/// Header fields of one request.
pub const REQUEST_HEADER_COUNT: usize = 100;
/// Bytes of one request target (RFC 9110 §4.1 asks for 8000 at least).
pub const REQUEST_TARGET_BYTES: usize = 16 * 1024;
/// Bytes of a PUT or POST body that is read at all; what may be stored is `RESOURCE_BYTES`.
pub const REQUEST_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of a body that its method does not use (GET, DELETE, COPY, …).
pub const UNUSED_BODY_BYTES: usize = 64 * 1024;
/// Requests that one HTTP/2 connection may have under way.
pub const CONCURRENT_STREAMS: u32 = 64;
/// Ranges of one Range field that are answered one by one.
pub const RANGES: usize = 8;
/// Bytes of an answer that are gathered before any is sent: it goes out with its length if that is
/// all, and few threads take turns for it.
pub const RESPONSE_WHOLE_BYTES: usize = 512 * 1024;
/// Bytes of a longer answer that are handed over at once from then on.
pub const RESPONSE_CHUNK_BYTES: usize = 128 * 1024;
/// Bytes of an answer that are made and sent by the thread of its connection before that thread
/// looks after others: a quarter of a millisecond.
pub const RESPONSE_BUSY_BYTES: usize = 256 * 1024;
/// Members of a collection that are listed at once: some sixty kilobytes.
pub const LISTED_AT_ONCE: usize = 256;
/// Chunks of one answer that wait for a slow client.
pub const RESPONSE_CHUNKS: usize = 4;
/// Bytes of a request body up to which it may be answered on the thread of its connection.
pub const OWN_THREAD_BODY_BYTES: usize = 32 * 1024;
/// Entries of the index that an answer looks at on the thread of its connection: half a
/// millisecond. It leaves that thread's duties to another one when there are more.
pub const OWN_THREAD_ENTRIES: usize = 2000;
/// Bytes of an answer, as far as they can be told before it is made, that are made on the thread of
/// its connection: about a millisecond.
pub const OWN_THREAD_ANSWER_BYTES: u64 = 512 * 1024;
/// Quick requests that are answered on the threads of their connections at the same time. Each may
/// make another thread necessary when it has to wait for the disk after all.
pub const OWN_THREAD_REQUESTS: usize = 64;
/// Answers that are made on blocking threads at the same time; others wait for their turn.
pub const BLOCKING_REQUESTS: usize = 512;
/// Bytes of XML or text below which compression is not worth its header fields.
pub const COMPRESS_FROM_BYTES: usize = 1400;
/// Bytes of an XML request body (PROPFIND, REPORT, …).
pub const XML_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Elements nested in each other in an XML request body.
pub const XML_DEPTH: usize = 64;
/// Elements and attributes of one XML request body.
pub const XML_NODES: usize = 200_000;
/// Attributes of one element together with the namespace declarations in scope.
pub const XML_ATTRIBUTES: usize = 256;
/// Bytes of one stored resource: `CALDAV:max-resource-size` (reference: MaximumAttachmentSize).
pub const RESOURCE_BYTES: usize = 1024 * 1024;
/// Bytes of one managed attachment: `CALDAV:max-attachment-size`.
pub const ATTACHMENT_BYTES: usize = 8 * 1024 * 1024;
/// Managed attachments of one object: `CALDAV:max-attachments-per-resource`.
pub const ATTACHMENTS: usize = 20;
/// Bytes of one dead property's XML.
pub const PROPERTY_BYTES: usize = 256 * 1024;
/// Decoded bytes of one path segment; file names end at 255 bytes.
pub const PATH_SEGMENT_BYTES: usize = 240;
/// Segments of one request path.
pub const PATH_SEGMENTS: usize = 32;
/// Changes in one bulk request.
pub const BULK_RESOURCES: usize = 250;
/// Components nested in each other in one calendar object.
pub const COMPONENT_DEPTH: usize = 16;
/// Components of one calendar object (overrides, alarms and time zones included).
pub const COMPONENTS: usize = 10_000;
/// Content lines of one calendar object.
pub const CONTENT_LINES: usize = 200_000;
/// Attendees of one object: `CALDAV:max-attendees-per-instance`.
pub const ATTENDEES: usize = 100;
/// Instances an object may have in the year after its first one; more cannot be stored.
pub const INSTANCES_PER_YEAR: usize = 1000;
/// Instances one object may expand to in one answer.
pub const INSTANCES: usize = 10_000;
/// Instances of one object that are kept while it is asked for many of them.
pub const FOLLOWED_INSTANCES: usize = 50_000;
/// Time spans the index keeps of one object; later ones are evaluated when asked for.
pub const INDEXED_SPANS: usize = 1000;
/// Instances of one object that are remembered for the next question about time.
pub const TIMETABLE_INSTANCES: usize = 1000;
/// Bytes of memory for the texts of contents, compressed, in the whole server.
pub const TEXT_MEMORY_BYTES: u64 = 6 * 1024 * 1024;
/// Bytes of each kind of what is remembered of contents (timetables) in the whole server.
pub const DERIVED_BYTES: usize = 2 * 1024 * 1024;
/// Steps the recurrence machine may take for one object and one question.
pub const RECURRENCE_STEPS: usize = 200_000;
/// Removals that a collection with as many files remembers for sync-collection, at most; an older
/// sync token is no longer valid (RFC 6578 §3.2).
pub const REMOVALS: usize = 4096;
/// Removals that every collection remembers.
pub const REMOVALS_LEAST: usize = 1024;
/// Results of one report before `DAV:number-of-matches-within-limits` (calendar-query).
pub const QUERY_RESULTS: usize = 10_000;
/// Hrefs of one multiget (reference: 5000).
pub const MULTIGET_HREFS: usize = 5000;
/// Results of one principal search (reference: 500).
pub const PRINCIPAL_RESULTS: usize = 500;
/// Hrefs that one expand-property follows, on all its levels.
pub const EXPANDED_HREFS: usize = 5000;
/// Properties that one expand-property asks for, of all the resources it comes to.
pub const EXPANDED_PROPERTIES: usize = 100_000;
/// Expansions inside each other in one expand-property.
pub const EXPANDED_LEVELS: usize = 4;
/// Principals visited when nested groups are followed.
pub const GROUP_MEMBERS: usize = 10_000;
/// ACEs of one stored ACL.
pub const ACES: usize = 200;
/// Scheduling messages whose effects the disk has not made durable yet; requests with more wait.
pub const FINISHED_BEHIND: usize = 1000;
/// Recipients of one free-busy request that are answered; the others are unavailable.
pub const FREE_BUSY_RECIPIENTS: usize = 30;
/// Locks of one home.
pub const LOCKS: usize = 1000;
/// Seconds a lock lasts at most, and when the client does not say.
pub const LOCK_SECONDS: u64 = 6 * 3600;
