#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text/plural.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_text.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

using google::protobuf::RepeatedPtrField;

// From so many equal neighbors on, one row stands for them.
constexpr size_t kManyEqual = 4;

std::string StateOf(const v1::PlannedHost& host, bool color) {
  return host.state() == v1::HOST_STATE_UNSPECIFIED ? "" : HostStateText(host.state(), color);
}

std::string MovesOf(const v1::PlannedHost& host, const TableStyle& style) {
  const std::string frozen = EscapeLine(absl::StrJoin(host.frozen_services(), ", "));
  return Joined({MovesText(host.moves(), style), frozen.empty() ? "" : "frozen: " + frozen});
}

// One row, for a host and those after it that are equal.
struct PlannedRow {
  Cells cells;  // without the name
  std::vector<std::string> hosts;
};

std::vector<PlannedRow> RowsOf(const v1::Plan& plan, const TableStyle& style) {
  std::vector<PlannedRow> rows;
  for (const v1::PlannedHost& host : plan.hosts()) {
    Cells cells = {absl::StrCat(host.wave()), StateOf(host, style.color),
                   ActionsText(host.actions()), MovesOf(host, style)};
    const bool same =
        !rows.empty() && std::equal(cells.begin(), cells.end(), rows.back().cells.begin(),
                                    [](const Cell& a, const Cell& b) { return a.text == b.text; });
    if (!same) rows.push_back({std::move(cells), {}});
    rows.back().hosts.push_back(EscapeLine(host.host()));
  }
  return rows;
}

std::string HostsTable(const v1::Plan& plan, const TableStyle& style) {
  std::vector<Cells> rows;
  const auto add = [&](const std::string& host, const Cells& cells) {
    rows.push_back({host});
    rows.back().insert(rows.back().end(), cells.begin(), cells.end());
  };
  for (const PlannedRow& row : RowsOf(plan, style)) {
    if (row.hosts.size() >= kManyEqual && !style.wide) {
      add(absl::StrCat(row.hosts[0], " and ", row.hosts.size() - 1, " more"), row.cells);
      continue;
    }
    for (const std::string& host : row.hosts) add(host, row.cells);
  }
  const ListTable table({{"HOST"}, {"WAVE"}, {"STATE"}, {"ACTIONS", Shown::kAlways, 20}, {"MOVES"}},
                        style);
  return TextOfLines(table.Lines(std::move(rows)));
}

// "web1, web2: app is frozen by alice", each reason once.
std::string WillFailText(const v1::Plan& plan, size_t width) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> hosts_of;
  for (const v1::PlannedHost& host : plan.hosts()) {
    for (const std::string& why : host.will_fail()) {
      const auto [known, is_new] = hosts_of.try_emplace(why);
      if (is_new) order.push_back(why);
      known->second.push_back(EscapeLine(host.host()));
    }
  }
  std::string text;
  for (const std::string& why : order) {
    const std::vector<std::string>& hosts = hosts_of[why];
    const std::string names = hosts.size() < kManyEqual
                                  ? absl::StrJoin(hosts, ", ")
                                  : absl::StrCat(hosts[0], " and ", hosts.size() - 1, " more");
    text += Wrapped(absl::StrCat("will fail: ", names, ": ", EscapeLine(why)), width);
  }
  return text.empty() ? "" : "\n" + text;
}

std::string HooksText(const v1::Plan& plan, const TableStyle& style) {
  if (plan.hooks().empty()) return "";
  return absl::StrCat("\nHooks:\n", ListText(HookColumns(), plan.hooks(), style).value_or(""));
}

std::string CallsText(const v1::Plan& plan, size_t width) {
  std::string text;
  for (const v1::HookCall& call : plan.hook_calls()) {
    text += Wrapped(absl::StrCat("  ", HookCallText(call)), width);
  }
  return text.empty() ? "" : "\nSelect hooks:\n" + text;
}

}  // namespace

std::string PlanText(const v1::Plan& plan, const TableStyle& style) {
  const std::string token = EscapeLine(plan.token());
  return absl::StrCat(HostsTable(plan, style), plan.hosts().empty() ? "no host is selected\n" : "",
                      WillFailText(plan, style.width), RevisionsText(plan.revisions(), style),
                      HooksText(plan, style), CallsText(plan, style.width), "\ntoken: ", token,
                      "\ngitopsctl deploy --plan ", token, "\n");
}

}  // namespace gitops::ctl
