#include "ctl/output/service_text.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

const char* ColorOf(v1::ServiceState state) {
  switch (state) {
    case v1::SERVICE_STATE_OK:
      return "\x1b[32m";
    case v1::SERVICE_STATE_FREEZE:
      return "\x1b[36m";
    case v1::SERVICE_STATE_ROLLBACK:
      return "\x1b[33m";
    case v1::SERVICE_STATE_DIFF:
      return "\x1b[35m";
    case v1::SERVICE_STATE_BROKEN:
      return "\x1b[31m";
    default:
      return "";
  }
}

std::string TrackingText(v1::Tracking tracking) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::Tracking_Name(tracking), "TRACKING_"));
}

std::string DirectoriesText(const v1::Service& service) {
  if (service.directories().empty()) return "";
  std::vector<Row> rows;
  for (const v1::Directory& directory : service.directories()) {
    rows.push_back({"  " + EscapeLine(directory.local()), "<-", EscapeLine(directory.link()),
                    directory.file() ? "(file)" : ""});
  }
  return "\nPublished:\n" + FormatTable(rows);
}

std::string RevisionsText(const v1::Service& service) {
  if (service.revisions().empty()) return "";
  std::vector<Row> rows;
  for (const std::string& revision : service.revisions()) {
    rows.push_back({"  " + EscapeLine(revision), revision == service.hash() ? "published" : ""});
  }
  return "\nRevisions on disk:\n" + FormatTable(rows);
}

std::string Moved(const std::string& from, const std::string& to) {
  return from == to ? from : absl::StrCat(from, " -> ", to);
}

std::string ChangesText(const v1::Service& service, bool color) {
  if (service.changes().empty()) return "";
  std::vector<Row> rows = {{"  WHEN", "REVISION", "STATE", "BY", "TOOK", "WHY"}};
  for (const v1::Change& change : service.changes()) {
    const absl::Duration took = FromDuration(change.duration());
    rows.push_back(
        {"  " + TimeText(change.has_time(), change.time()),
         Moved(ShortHash(change.from_hash()), ShortHash(change.to_hash())),
         Moved(StateText(change.from_state(), color), StateText(change.to_state(), color)),
         EscapeLine(change.actor()), took == absl::ZeroDuration() ? "" : DurationText(took),
         EscapeLine(change.reason())});
  }
  return "\nChanges:\n" + FormatTable(rows);
}

}  // namespace

std::string StateText(v1::ServiceState state, bool color) {
  const std::string name =
      v1::ServiceState_IsValid(state)
          ? std::string(absl::StripPrefix(v1::ServiceState_Name(state), "SERVICE_STATE_"))
          : absl::StrCat("state ", static_cast<int>(state));
  const std::string begin = color ? ColorOf(state) : "";
  return begin.empty() ? name : absl::StrCat(begin, name, "\x1b[0m");
}

std::string TimeText(bool is_set, const google::protobuf::Timestamp& time) {
  if (!is_set) return "";
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S UTC", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string DurationText(absl::Duration duration) {
  const absl::Duration unit = duration >= absl::Minutes(1)        ? absl::Seconds(1)
                              : duration >= absl::Seconds(1)      ? absl::Milliseconds(10)
                              : duration >= absl::Milliseconds(1) ? absl::Milliseconds(1)
                                                                  : absl::Microseconds(1);
  return absl::FormatDuration(absl::Trunc(duration, unit));
}

std::string ShortHash(absl::string_view hash) {
  return hash.empty() ? "nothing" : EscapeLine(hash.substr(0, 8));
}

Row ServiceHeader(bool wide) {
  Row header = {"#", "SERVICE", "HASH", "STATE", "INFO", "CHANGED"};
  if (wide) header.insert(header.end(), {"TARGET", "BRANCH", "UPSTREAM", "BY"});
  return header;
}

Row ServiceRow(size_t number, const v1::Service& service, bool wide, bool color) {
  Row row = {absl::StrCat(number),
             EscapeLine(service.service()),
             EscapeLine(service.hash()),
             StateText(service.state(), color),
             EscapeLine(service.state_info()),
             TimeText(service.has_change_time(), service.change_time())};
  if (wide) {
    row.insert(row.end(), {EscapeLine(service.target_hash()), EscapeLine(service.branch()),
                           EscapeLine(service.upstream()), EscapeLine(service.frozen_by())});
  }
  return row;
}

std::string ServiceDetails(const v1::Service& service, bool color) {
  const std::vector<Row> facts = {
      {"Service:", EscapeLine(service.service())},
      {"Host:", EscapeLine(service.host())},
      {"State:", StateText(service.state(), color)},
      {"Info:", EscapeLine(service.state_info())},
      {"Hash:", EscapeLine(service.hash())},
      {"Target:", EscapeLine(service.target_hash())},
      {"Pinned:", EscapeLine(service.pinned_hash())},
      {"Frozen by:", EscapeLine(service.frozen_by())},
      {"Changed:", TimeText(service.has_change_time(), service.change_time())},
      {"Last poll:", TimeText(service.has_last_poll_time(), service.last_poll_time())},
      {"Next attempt:", TimeText(service.has_next_attempt_time(), service.next_attempt_time())},
      {"Upstream:", EscapeLine(service.upstream())},
      {"Branch:", EscapeLine(service.branch())},
      {"Tracking:", TrackingText(service.tracking())},
      {"User:", EscapeLine(service.user())},
      {"Action:", EscapeLine(service.action())},
  };
  std::vector<Row> known;
  for (const Row& fact : facts) {
    if (!fact[1].empty()) known.push_back(fact);
  }
  return absl::StrCat(FormatTable(known), DirectoriesText(service), RevisionsText(service),
                      ChangesText(service, color));
}

}  // namespace gitops::ctl
