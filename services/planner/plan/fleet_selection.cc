#include "services/planner/plan/fleet_selection.h"

#include <numeric>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rpc/error.h"
#include "common/text/escape.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

constexpr size_t kMostNamed = 5;

// The host that was most likely meant by the first glob that is a name, and none of the fleet's.
std::string NearestHost(const v1::Selection& selection, const FleetView& fleet) {
  std::vector<std::string> names;
  for (const std::string& glob : selection.on()) {
    if (glob.find_first_of("*?[]{}") != std::string::npos) continue;
    if (names.empty()) {
      for (const auto& host : fleet) names.push_back(host->host.host());
    }
    if (absl::c_linear_search(names, glob)) continue;
    std::string nearest = Nearest(glob, names);
    if (!nearest.empty()) return nearest;
  }
  return "";
}

Selection Plain(const v1::Selection& selection) {
  return {.on = {selection.on().begin(), selection.on().end()},
          .tagged = {selection.tagged().begin(), selection.tagged().end()},
          .order_by_tags = {selection.order_by_tags().begin(), selection.order_by_tags().end()},
          .skip = selection.skip(),
          .every = selection.every(),
          .limit = selection.limit()};
}

}  // namespace

Selection ToSelection(const v1::Selection& selection, const Fleet& fleet) {
  Selection plain = Plain(selection);
  if (!plain.order_by_tags.empty()) return plain;
  if (const auto config = fleet.config(); config != nullptr) {
    plain.order_by_tags = config->order_by_tags;
  }
  return plain;
}

absl::Status CheckFleetSelection(const v1::Selection& selection, bool changes) {
  const Selection plain = Plain(selection);
  if (absl::Status status = CheckSelection(plain); !status.ok()) return status;
  if (!changes || selection.all() || !SelectsEverything(plain)) return absl::OkStatus();
  absl::Status whole = MakeError(
      Reason::kWholeFleet,
      "this would change the whole fleet; name hosts (on, tagged, limit…), or say that all are "
      "meant (--all)");
  AddFieldViolation("selection.all", "needed where nothing else limits the selection", whole);
  return whole;
}

absl::StatusOr<std::vector<int>> SelectIndices(size_t count,
                                               const std::function<const FleetHost&(size_t)>& host,
                                               const Selection& selection,
                                               const Cancelled& cancelled,
                                               const Eligible& eligible) {
  // Neither names nor tags matter.
  if (SelectsEverything(selection) && selection.order_by_tags.empty() && !eligible) {
    std::vector<int> all(count);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  const auto view = [&](size_t i) {
    FetchAhead(i, count, host);
    const HostSpec& spec = host(i).spec;
    return SelectableHost{.name = spec.name, .tags = spec.tags};
  };
  return Select(count, view, selection, cancelled, eligible);
}

absl::StatusOr<FleetHosts> SelectHosts(const Fleet& fleet, const v1::Selection& selection,
                                       bool changes, const Cancelled& cancelled) {
  if (absl::Status status = CheckFleetSelection(selection, changes); !status.ok()) return status;
  const FleetView hosts = fleet.Hosts();
  const auto indices = SelectIndices(
      hosts.size(), [&](size_t i) -> const FleetHost& { return *hosts[i]; },
      ToSelection(selection, fleet), cancelled);
  if (!indices.ok()) return indices.status();
  FleetHosts selected;
  selected.reserve(indices->size());
  for (const int index : *indices) selected.push_back(hosts[index]);
  return selected;
}

absl::Status NoHostSelected(const v1::Selection& selection, const FleetView& fleet) {
  std::vector<std::string> said;
  for (const std::string& glob : selection.on()) {
    if (said.size() == kMostNamed) break;
    said.push_back(absl::StrCat("--on ", EscapeText(glob)));
  }
  if (static_cast<size_t>(selection.on_size()) > kMostNamed) said.push_back("…");
  if (!selection.tagged().empty()) {
    said.push_back(absl::StrCat("--tagged ", EscapeText(absl::StrJoin(selection.tagged(), ","))));
  }
  for (const auto& [flag, value] : {std::pair{"--skip ", selection.skip()},
                                    {"--every ", selection.every()},
                                    {"--limit ", selection.limit()}}) {
    if (value > 0) said.push_back(absl::StrCat(flag, value));
  }
  std::string message = said.empty() ? std::string("the fleet has no hosts")
                                     : absl::StrCat("no host matches ", absl::StrJoin(said, " "));
  const std::string nearest = NearestHost(selection, fleet);
  if (!nearest.empty()) absl::StrAppend(&message, "; did you mean ", nearest, "?");
  return MakeError(Reason::kNoHostSelected, message,
                   nearest.empty() ? ErrorMetadata() : ErrorMetadata{{"nearest", nearest}});
}

}  // namespace gitops
