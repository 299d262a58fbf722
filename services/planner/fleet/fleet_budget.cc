// FleetState: the budgets of reports.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "services/planner/fleet/fleet_state.h"

namespace gitops {
namespace {

int64_t Signed(size_t bytes) { return static_cast<int64_t>(bytes); }

}  // namespace

void FleetState::Account(HostEntry& entry, bool gone) {
  (entry.charged_unknown ? unknown_bytes_ : known_bytes_) -= Signed(entry.charge);
  silent_.erase({entry.silent_since, &entry});
  entry.charge = 0;
  if (gone || entry.facts == nullptr) return;
  entry.charge = HostEntry::Bytes(*entry.facts, entry.services.bytes());
  entry.charged_unknown = entry.spec == nullptr;
  (entry.charged_unknown ? unknown_bytes_ : known_bytes_) += Signed(entry.charge);
  if (!entry.charged_unknown || entry.stream != 0) return;
  entry.silent_since = entry.last_seen;
  silent_.insert({entry.silent_since, &entry});
}

absl::Status FleetState::CheckAgent(const std::string& host, size_t bytes) const {
  if (bytes <= limits_.agent_bytes) return absl::OkStatus();
  return MakeError(
      Reason::kReportTooLarge,
      absl::StrCat("the services that the agent of ", host, " reports take ", bytes,
                   " bytes; the planner keeps at most ", limits_.agent_bytes, " of one agent"),
      {{"host", host}});
}

bool FleetState::ExceedsUnknown(const Growth& more) const {
  return more.unknown > 0 && (strangers_.size() + more.hosts > limits_.unknown_hosts ||
                              unknown_bytes_ + more.unknown > Signed(limits_.unknown_bytes));
}

bool FleetState::ExceedsTotal(const Growth& more) const {
  const int64_t all = more.known + more.unknown;
  return all > 0 && known_bytes_ + unknown_bytes_ + all > Signed(limits_.total_bytes);
}

absl::Status FleetState::MakeRoom(const std::string& host, const std::function<Growth()>& growth) {
  while (true) {
    // Computed again each time: the silent host that is forgotten may be this one.
    const Growth more = growth();
    const bool unknown = ExceedsUnknown(more);
    if (!unknown && !ExceedsTotal(more)) return absl::OkStatus();
    if (!silent_.empty()) {
      Erase(absl::AsciiStrToLower(silent_.begin()->second->name));
      continue;
    }
    std::string why =
        unknown
            ? absl::StrCat("of hosts that are not in its configuration the planner keeps at most ",
                           limits_.unknown_hosts, ", with ", limits_.unknown_bytes,
                           " bytes; add this one to it: [[hosts]] name = \"", host, "\"")
            : absl::StrCat("the planner keeps at most ", limits_.total_bytes,
                           " bytes of all reports; raise its --report-memory");
    return MakeError(Reason::kTooManyAgents,
                     absl::StrCat("no room for the report of ", host, ": ", why), {{"host", host}});
  }
}

void FleetState::Trim() {
  while (!silent_.empty() && (strangers_.size() > limits_.unknown_hosts ||
                              unknown_bytes_ > Signed(limits_.unknown_bytes))) {
    Erase(absl::AsciiStrToLower(silent_.begin()->second->name));
  }
}

ReportMemory FleetState::memory() const {
  return {.known_bytes = known_bytes_, .unknown_bytes = unknown_bytes_};
}

}  // namespace gitops
