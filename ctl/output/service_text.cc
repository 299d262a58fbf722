#include "ctl/output/service_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
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

const char* ColorOf(v1::SyncStatus sync) {
  const bool complete = sync == v1::SYNC_STATUS_CURRENT || sync == v1::SYNC_STATUS_PROGRESSING;
  return complete ? "" : "\x1b[33m";
}

std::string Colored(bool color, absl::string_view begin, const std::string& text) {
  return color && !begin.empty() ? absl::StrCat(begin, text, "\x1b[0m") : text;
}

std::string Moved(const std::string& from, const std::string& to) {
  return from == to ? from : absl::StrCat(from, " -> ", to);
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

std::string RevisionsText(const v1::Service& service, absl::Time now) {
  if (service.revisions().empty()) return "";
  std::vector<Row> rows;
  for (int i = 0; i < service.revisions_size(); ++i) {
    const std::string& revision = service.revisions(i);
    const bool known = i < service.revision_commits_size();
    rows.push_back({"  " + EscapeLine(revision), revision == service.hash() ? "published" : "",
                    known ? CommitText(true, service.revision_commits(i), now) : ""});
  }
  return "\nRevisions on disk:\n" + FormatTable(rows);
}

std::string ChangesText(const v1::Service& service, const TableStyle& style) {
  if (service.changes().empty()) return "";
  TableStyle whole = style;
  whole.wide = true;
  whole.width = 0;
  std::string text = "\nChanges:\n";
  const ListTable table(SpecsOf(ChangeColumns()), whole);
  std::vector<Cells> rows;
  for (const v1::Change& change : service.changes()) {
    rows.push_back(CellsOf(ChangeColumns(), change, whole));
  }
  for (const std::string& line : table.Lines(std::move(rows))) {
    absl::StrAppend(&text, "  ", line, "\n");
  }
  return text;
}

std::string InfoText(const v1::Service& service) {
  return Joined({FailedHealthText(service.has_failed_health(), service.failed_health()),
                 EscapeLine(service.state_info()), EscapeLine(service.freeze_reason())});
}

// A hash and what its commit says, in `get`.
std::string WithCommit(const std::string& hash, bool is_set, const v1::Commit& commit,
                       absl::Time now) {
  const std::string text = CommitText(is_set, commit, now);
  return text.empty() ? EscapeLine(hash) : absl::StrCat(EscapeLine(hash), "  ", text);
}

}  // namespace

bool IsDegraded(const v1::Service& service) {
  return service.state() == v1::SERVICE_STATE_BROKEN || service.state() == v1::SERVICE_STATE_DIFF ||
         service.has_failed_health() || service.sync() == v1::SYNC_STATUS_UNKNOWN;
}

std::string StateText(v1::ServiceState state, bool color) {
  const std::string name =
      v1::ServiceState_IsValid(state)
          ? std::string(absl::StripPrefix(v1::ServiceState_Name(state), "SERVICE_STATE_"))
          : absl::StrCat("state ", static_cast<int>(state));
  return Colored(color, ColorOf(state), name);
}

std::string TableStateText(const v1::Service& service, bool color) {
  if (service.sync() != v1::SYNC_STATUS_UNKNOWN) return StateText(service.state(), color);
  return Colored(color, ColorOf(service.sync()), absl::StrCat(StateText(service.state()), "?"));
}

std::string SyncText(v1::SyncStatus sync, bool color) {
  if (sync == v1::SYNC_STATUS_UNSPECIFIED) return "";
  if (!v1::SyncStatus_IsValid(sync)) return absl::StrCat("sync ", static_cast<int>(sync));
  return Colored(color, ColorOf(sync),
                 std::string(absl::StripPrefix(v1::SyncStatus_Name(sync), "SYNC_STATUS_")));
}

std::string ReasonText(v1::StateReason reason) {
  if (reason == v1::STATE_REASON_UNSPECIFIED) return "";
  if (!v1::StateReason_IsValid(reason)) return absl::StrCat("reason ", static_cast<int>(reason));
  return std::string(absl::StripPrefix(v1::StateReason_Name(reason), "STATE_REASON_"));
}

std::string ShortHash(absl::string_view hash) {
  return hash.empty() ? "nothing" : EscapeLine(hash.substr(0, 8));
}

std::string CommitText(bool is_set, const v1::Commit& commit, absl::Time now) {
  if (!is_set) return "";
  std::vector<std::string> by;
  if (!commit.author().empty()) by.push_back(EscapeLine(commit.author()));
  if (commit.has_time()) by.push_back(AgeText(now - FromTimestamp(commit.time())));
  return absl::StrCat(EscapeLine(commit.subject()), by.empty() ? "" : " (", absl::StrJoin(by, ", "),
                      by.empty() ? "" : ")");
}

std::string FailedHealthText(bool is_set, const v1::FailedHealth& failed) {
  if (!is_set) return "";
  return absl::StrCat("health checks failed", failed.message().empty() ? "" : ": ",
                      EscapeLine(failed.message()));
}

std::string HashText(absl::string_view hash, const TableStyle& style) {
  return EscapeLine(style.wide ? hash : hash.substr(0, 8));
}

std::string Joined(const std::vector<std::string>& texts) {
  std::vector<std::string> known;
  std::copy_if(texts.begin(), texts.end(), std::back_inserter(known),
               [](const std::string& text) { return !text.empty(); });
  return absl::StrJoin(known, "; ");
}

std::string FactsText(const std::vector<Row>& facts) {
  std::vector<Row> known;
  for (const Row& fact : facts) {
    if (!fact[1].empty()) known.push_back(fact);
  }
  return FormatTable(known);
}

const Columns<v1::Service>& ServiceColumns() {
  using S = const v1::Service&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::Service>{
      {{"SERVICE"}, [](S s, T) -> Cell { return EscapeLine(s.service()); }},
      {{"HASH"}, [](S s, T t) -> Cell { return HashText(s.hash(), t); }},
      {{"COMMIT", Shown::kWide},
       [](S s, T t) -> Cell { return CommitText(s.has_commit(), s.commit(), t.now); }},
      {{"STATE"}, [](S s, T t) -> Cell { return TableStateText(s, t.color); }},
      {{"SYNC"}, [](S s, T t) -> Cell { return SyncText(s.sync(), t.color); }},
      {{"REASON", Shown::kWide}, [](S s, T) -> Cell { return ReasonText(s.state_reason()); }},
      {{"AGE"},
       [](S s, T t) -> Cell { return AgeCell(s.has_change_time(), s.change_time(), t.now); }},
      {{"CHANGED", Shown::kWide},
       [](S s, T) -> Cell {
         return {TimeText(s.has_change_time(), s.change_time()),
                 static_cast<double>(s.change_time().seconds())};
       }},
      {{"TARGET", Shown::kWide}, [](S s, T t) -> Cell { return HashText(s.target_hash(), t); }},
      {{"TARGET COMMIT", Shown::kWide},
       [](S s, T t) -> Cell {
         return CommitText(s.has_target_commit(), s.target_commit(), t.now);
       }},
      {{"BRANCH", Shown::kWide}, [](S s, T) -> Cell { return EscapeLine(s.branch()); }},
      {{"UPSTREAM", Shown::kWide}, [](S s, T) -> Cell { return EscapeLine(s.upstream()); }},
      {{"BY", Shown::kWide}, [](S s, T) -> Cell { return EscapeLine(s.frozen_by()); }},
      {{"TRACKING", Shown::kAsked}, [](S s, T) -> Cell { return TrackingText(s.tracking()); }},
      {{"INFO"}, [](S s, T) -> Cell { return InfoText(s); }},
  };
  return columns;
}

const Columns<v1::Service>& FleetServiceColumns() {
  static const auto& columns = *[] {
    auto* all = new Columns<v1::Service>(ServiceColumns());
    all->insert(all->begin(), {{"HOST"}, [](const v1::Service& s, const TableStyle&) -> Cell {
                                 return EscapeLine(s.host());
                               }});
    return all;
  }();
  return columns;
}

const Columns<v1::Change>& ChangeColumns() {
  using C = const v1::Change&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::Change>{
      {{"AGE"}, [](C c, T t) -> Cell { return AgeCell(c.has_time(), c.time(), t.now); }},
      {{"WHEN", Shown::kWide},
       [](C c, T) -> Cell {
         return {TimeText(c.has_time(), c.time()), static_cast<double>(c.time().seconds())};
       }},
      {{"REVISION"},
       [](C c, T) -> Cell { return Moved(ShortHash(c.from_hash()), ShortHash(c.to_hash())); }},
      {{"COMMIT", Shown::kWide},
       [](C c, T t) -> Cell { return CommitText(c.has_commit(), c.commit(), t.now); }},
      {{"STATE"},
       [](C c, T t) -> Cell {
         return Moved(StateText(c.from_state(), t.color), StateText(c.to_state(), t.color));
       }},
      {{"BY", Shown::kAlways, 20}, [](C c, T) -> Cell { return EscapeLine(c.actor()); }},
      {{"TOOK", Shown::kWide},
       [](C c, T) -> Cell {
         const absl::Duration took = FromDuration(c.duration());
         if (took == absl::ZeroDuration()) return "";
         return {DurationText(took), absl::ToDoubleSeconds(took)};
       }},
      // In a table what people wrote about the commit says more than "upstream moved".
      {{"WHY"},
       [](C c, T t) -> Cell {
         const bool moved = !t.wide && c.has_commit() && c.from_hash() != c.to_hash();
         return Joined({EscapeLine(c.reason()), moved ? EscapeLine(c.commit().subject()) : ""});
       }},
  };
  return columns;
}

std::string ServiceDetails(const v1::Service& s, const TableStyle& style) {
  const absl::Time now = style.now;
  const std::string facts = FactsText({
      {"Service:", EscapeLine(s.service())},
      {"Host:", EscapeLine(s.host())},
      {"State:", TableStateText(s, style.color)},
      {"Reason:", ReasonText(s.state_reason())},
      {"Sync:", SyncText(s.sync(), style.color)},
      {"Info:", EscapeLine(s.state_info())},
      {"Health:", FailedHealthText(s.has_failed_health(), s.failed_health())},
      {"Hash:", WithCommit(s.hash(), s.has_commit(), s.commit(), now)},
      {"Target:", WithCommit(s.target_hash(), s.has_target_commit(), s.target_commit(), now)},
      {"Pinned:", EscapeLine(s.pinned_hash())},
      {"Frozen by:", EscapeLine(s.frozen_by())},
      {"Freeze reason:", EscapeLine(s.freeze_reason())},
      {"Changed:", TimeText(s.has_change_time(), s.change_time())},
      {"Last poll:", TimeText(s.has_last_poll_time(), s.last_poll_time())},
      {"Next attempt:", TimeText(s.has_next_attempt_time(), s.next_attempt_time())},
      {"Upstream:", EscapeLine(s.upstream())},
      {"Branch:", EscapeLine(s.branch())},
      {"Tracking:", TrackingText(s.tracking())},
      {"User:", EscapeLine(s.user())},
      {"Action:", EscapeLine(s.action())},
  });
  return absl::StrCat(facts, DirectoriesText(s), RevisionsText(s, now), ChangesText(s, style));
}

}  // namespace gitops::ctl
