#include "ctl/output/fleet_text.h"

#include <utility>

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

// Why the host's config file is not in force, or how what is differs from the planner's.
std::string ConfigText(const v1::Host& host) {
  const std::string& fault = host.config().fault();
  const std::string& difference = host.config_difference();
  return Joined(
      {fault.empty() ? "" : absl::StrCat("config rejected: ", EscapeLine(fault)),
       difference.empty() ? "" : absl::StrCat("config differs: ", EscapeLine(difference))});
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

bool IsDegraded(const v1::Host& host) {
  return host.state() != v1::HOST_STATE_ONLINE || host.degraded_count() > 0 ||
         !TroubleText(host).empty();
}

std::string TroubleText(const v1::Host& host) {
  return Joined(
      {FailedHealthText(host.has_failed_health(), host.failed_health()), ConfigText(host)});
}

const Columns<v1::Host>& HostColumns() {
  using H = const v1::Host&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::Host>{
      {{"HOST"}, [](H h, T) -> Cell { return EscapeLine(h.host()); }},
      {{"STATE"}, [](H h, T t) -> Cell { return HostStateText(h.state(), t.color); }},
      {{"AGE"}, [](H h, T t) { return AgeCell(h.has_state_time(), h.state_time(), t.now); }},
      {{"SEEN"},
       [](H h, T t) { return AgeCell(h.has_last_seen_time(), h.last_seen_time(), t.now); }},
      {{"SERVICES"}, [](H h, T) { return CountCell(h.service_count()); }},
      {{"DEGRADED"}, [](H h, T) { return CountCell(h.degraded_count()); }},
      {{"BEHIND"}, [](H h, T) { return CountCell(h.behind_count()); }},
      {{"HEALTH", Shown::kWide},
       [](H h, T) -> Cell { return FailedHealthText(h.has_failed_health(), h.failed_health()); }},
      {{"CONFIG", Shown::kWide},
       [](H h, T) -> Cell { return EscapeLine(h.config().hash().substr(0, 8)); }},
      {{"CONFIG AGE", Shown::kWide},
       [](H h, T t) {
         return AgeCell(h.config().has_accept_time(), h.config().accept_time(), t.now);
       }},
      {{"CONFIG FAULT", Shown::kWide}, [](H h, T) -> Cell { return ConfigText(h); }},
      {{"LOCKED BY", Shown::kWide}, [](H h, T) -> Cell { return LockText(h); }},
      {{"TAGS", Shown::kWide}, [](H h, T) -> Cell { return TagsText(h); }},
      {{"ADDRESS", Shown::kWide}, [](H h, T) -> Cell { return EscapeLine(h.address()); }},
      {{"VERSION", Shown::kWide}, [](H h, T) -> Cell { return EscapeLine(h.version()); }},
      {{"SINCE", Shown::kWide},
       [](H h, T) -> Cell {
         return {TimeText(h.has_state_time(), h.state_time()),
                 static_cast<double>(h.state_time().seconds())};
       }},
      {{"LAST SEEN", Shown::kWide},
       [](H h, T) -> Cell {
         return {TimeText(h.has_last_seen_time(), h.last_seen_time()),
                 static_cast<double>(h.last_seen_time().seconds())};
       }},
      {{"INFO", Shown::kTable},
       [](H h, T) -> Cell {
         return Joined({TroubleText(h), h.has_lock() ? "locked by " + LockText(h) : ""});
       }},
  };
  return columns;
}

std::string HostDetails(const v1::Host& host, const TableStyle& style) {
  const v1::HostLock& lock = host.lock();
  const v1::ConfigStatus& config = host.config();
  return FactsText({
      {"Host:", EscapeLine(host.host())},
      {"State:", HostStateText(host.state(), style.color)},
      {"Since:", TimeText(host.has_state_time(), host.state_time())},
      {"Last seen:", TimeText(host.has_last_seen_time(), host.last_seen_time())},
      {"Address:", EscapeLine(host.address())},
      {"Tags:", TagsText(host)},
      {"Services:", ServicesText(host)},
      {"Health:", FailedHealthText(host.has_failed_health(), host.failed_health())},
      {"Failed in:",
       host.has_failed_health()
           ? absl::StrCat("deployment ", EscapeLine(host.failed_health().deployment()))
           : ""},
      {"Config:", EscapeLine(config.hash())},
      {"Config since:", TimeText(config.has_accept_time(), config.accept_time())},
      {"Config fault:", ConfigText(host)},
      {"Locked by:", LockText(host)},
      {"Locked since:", TimeText(lock.has_acquire_time(), lock.acquire_time())},
      {"Version:", EscapeLine(host.version())},
      {"Boot:", EscapeLine(host.boot_id())},
      {"Configured:", host.configured() ? "yes" : "no, it only reports"},
  });
}

std::string HostDescription(const v1::Host& host, const std::vector<v1::Service>& services,
                            const TableStyle& style) {
  std::vector<Cells> rows;
  for (const v1::Service& service : services) {
    rows.push_back(CellsOf(ServiceColumns(), service, style));
  }
  const ListTable table(SpecsOf(ServiceColumns()), style);
  return absl::StrCat(HostDetails(host, style), "\n",
                      rows.empty() ? "No services.\n" : TextOfLines(table.Lines(std::move(rows))));
}

const Columns<v1::HostLock>& LockColumns() {
  using L = const v1::HostLock&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::HostLock>{
      {{"HOST"}, [](L l, T) -> Cell { return EscapeLine(l.host()); }},
      {{"DEPLOYMENT"}, [](L l, T) -> Cell { return EscapeLine(l.deployment()); }},
      {{"AGE"}, [](L l, T t) { return AgeCell(l.has_acquire_time(), l.acquire_time(), t.now); }},
      {{"SINCE", Shown::kWide},
       [](L l, T) -> Cell {
         return {TimeText(l.has_acquire_time(), l.acquire_time()),
                 static_cast<double>(l.acquire_time().seconds())};
       }},
      {{"PLANNER", Shown::kWide}, [](L l, T) -> Cell { return EscapeLine(l.planner()); }},
      {{"FENCING", Shown::kWide}, [](L l, T) { return CountCell(l.fencing()); }},
      {{"ACTOR"}, [](L l, T) -> Cell { return EscapeLine(l.actor()); }},
  };
  return columns;
}

bool IsUnreachable(const v1::HostOutcome& outcome) {
  return outcome.reason() == InfoOf(Reason::kHostUnreachable).name;
}

std::string OutcomeText(const v1::HostOutcome& outcome) {
  if (outcome.code() == 0) return "done";
  return EscapeLine(outcome.reason());
}

const Columns<v1::HostOutcome>& OutcomeColumns() {
  using O = const v1::HostOutcome&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::HostOutcome>{
      {{"HOST"}, [](O o, T) -> Cell { return EscapeLine(o.host()); }},
      {{"OUTCOME"}, [](O o, T) -> Cell { return OutcomeText(o); }},
      {{"HASH"},
       [](O o, T t) -> Cell {
         return !o.has_service() ? ""
                : t.wide         ? HashText(o.service().hash(), t)
                                 : ShortHash(o.service().hash());
       }},
      {{"COMMIT", Shown::kWide},
       [](O o, T t) -> Cell {
         return CommitText(o.service().has_commit(), o.service().commit(), t.now);
       }},
      {{"STATE"},
       [](O o, T t) -> Cell {
         return o.has_service() ? StateText(o.service().state(), t.color) : "";
       }},
      {{"MESSAGE"},
       [](O o, T) -> Cell {
         return EscapeLine(o.message().empty() ? o.service().state_info() : o.message());
       }},
  };
  return columns;
}

std::string OutcomeDifferences(const std::vector<v1::HostOutcome>& outcomes, bool color) {
  std::vector<std::pair<std::string, const v1::DiffServiceResponse*>> hosts;
  for (const v1::HostOutcome& outcome : outcomes)
    hosts.emplace_back(outcome.host(), &outcome.diff());
  return DifferencesText(hosts, color);
}

}  // namespace gitops::ctl
