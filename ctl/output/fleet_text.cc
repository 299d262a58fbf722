#include "ctl/output/fleet_text.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"
#include "ctl/output/difference_text.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

const char* ColorOf(v1::HostState state) {
  switch (state) {
    case v1::HOST_STATE_ONLINE:
      return "\x1b[32m";
    case v1::HOST_STATE_STALE:
      return "\x1b[31m";
    default:
      return "\x1b[33m";
  }
}

std::string TagsText(const v1::Host& host) { return EscapeLine(absl::StrJoin(host.tags(), ",")); }

std::string ServicesText(const v1::Host& host) {
  return absl::StrCat(host.service_count(), host.degraded_count() > 0 ? ", degraded: " : "",
                      host.degraded_count() > 0 ? absl::StrCat(host.degraded_count()) : "");
}

}  // namespace

std::string HostStateText(v1::HostState state, bool color) {
  const std::string name =
      v1::HostState_IsValid(state)
          ? std::string(absl::StripPrefix(v1::HostState_Name(state), "HOST_STATE_"))
          : absl::StrCat("state ", static_cast<int>(state));
  return color ? absl::StrCat(ColorOf(state), name, "\x1b[0m") : name;
}

std::string LockText(const v1::Host& host) {
  if (!host.has_lock()) return "";
  return absl::StrCat("deployment ", EscapeLine(host.lock().deployment()), " of ",
                      EscapeLine(host.lock().actor()));
}

Row HostHeader(bool wide) {
  Row header = {"#", "HOST", "STATE", "SINCE", "LAST SEEN", "SERVICES", "DEGRADED", "LOCKED BY"};
  if (wide) header.insert(header.end(), {"TAGS", "ADDRESS", "VERSION"});
  return header;
}

Row HostRow(size_t number, const v1::Host& host, bool wide, bool color) {
  Row row = {absl::StrCat(number),
             EscapeLine(host.host()),
             HostStateText(host.state(), color),
             TimeText(host.has_state_time(), host.state_time()),
             TimeText(host.has_last_seen_time(), host.last_seen_time()),
             absl::StrCat(host.service_count()),
             absl::StrCat(host.degraded_count()),
             LockText(host)};
  if (wide) {
    row.insert(row.end(), {TagsText(host), EscapeLine(host.address()), EscapeLine(host.version())});
  }
  return row;
}

std::string HostDetails(const v1::Host& host, bool color) {
  const v1::HostLock& lock = host.lock();
  const std::vector<Row> facts = {
      {"Host:", EscapeLine(host.host())},
      {"State:", HostStateText(host.state(), color)},
      {"Since:", TimeText(host.has_state_time(), host.state_time())},
      {"Last seen:", TimeText(host.has_last_seen_time(), host.last_seen_time())},
      {"Address:", EscapeLine(host.address())},
      {"Tags:", TagsText(host)},
      {"Services:", ServicesText(host)},
      {"Locked by:", LockText(host)},
      {"Locked since:", TimeText(lock.has_acquire_time(), lock.acquire_time())},
      {"Version:", EscapeLine(host.version())},
      {"Boot:", EscapeLine(host.boot_id())},
      {"Configured:", host.configured() ? "yes" : "no, it only reports"},
  };
  std::vector<Row> known;
  for (const Row& fact : facts) {
    if (!fact[1].empty()) known.push_back(fact);
  }
  return FormatTable(known);
}

Row LockHeader(bool wide) {
  Row row = {"#", "HOST", "DEPLOYMENT", "ACTOR", "SINCE"};
  if (wide) row.insert(row.end(), {"PLANNER", "FENCING"});
  return row;
}

Row LockRow(size_t number, const v1::HostLock& lock, bool wide, bool) {
  Row row = {absl::StrCat(number), EscapeLine(lock.host()), EscapeLine(lock.deployment()),
             EscapeLine(lock.actor()), TimeText(lock.has_acquire_time(), lock.acquire_time())};
  if (wide) row.insert(row.end(), {EscapeLine(lock.planner()), absl::StrCat(lock.fencing())});
  return row;
}

Row FleetServiceHeader(bool wide) {
  Row header = ServiceHeader(wide);
  header.insert(header.begin() + 1, "HOST");
  return header;
}

Row FleetServiceRow(size_t number, const v1::Service& service, bool wide, bool color) {
  Row row = ServiceRow(number, service, wide, color);
  row.insert(row.begin() + 1, EscapeLine(service.host()));
  return row;
}

bool IsUnreachable(const v1::HostOutcome& outcome) {
  return outcome.reason() == InfoOf(Reason::kHostUnreachable).name;
}

std::string OutcomeText(const v1::HostOutcome& outcome) {
  if (outcome.code() == 0) return "done";
  return EscapeLine(outcome.reason());
}

std::string OutcomesTable(const std::vector<v1::HostOutcome>& outcomes, bool color) {
  std::vector<Row> rows = {{"#", "HOST", "OUTCOME", "HASH", "STATE", "MESSAGE"}};
  for (const v1::HostOutcome& outcome : outcomes) {
    const v1::Service& service = outcome.service();
    const bool known = outcome.has_service();
    rows.push_back(
        {absl::StrCat(rows.size() - 1), EscapeLine(outcome.host()), OutcomeText(outcome),
         known ? ShortHash(service.hash()) : "", known ? StateText(service.state(), color) : "",
         EscapeLine(outcome.message().empty() ? service.state_info() : outcome.message())});
  }
  return FormatTable(rows);
}

std::string OutcomeDifferences(const std::vector<v1::HostOutcome>& outcomes) {
  std::vector<Row> rows;
  for (const v1::HostOutcome& outcome : outcomes) {
    for (const v1::Difference& difference : outcome.diff().differences()) {
      rows.push_back(DifferenceRow({EscapeLine(outcome.host())}, difference));
    }
  }
  return FormatTable(rows);
}

}  // namespace gitops::ctl
