#include "ctl/output/deployment_tree.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using Lines = std::vector<std::string>;
using Hosts = std::vector<const v1::HostDeployment*>;

// How much is omitted, least first.
enum class Detail {
  kAll,
  kOpenWaves,  // waves that have ended or not started become one line
  kBusyHosts,  // in other waves, hosts that are pending or succeeded become one line
};

bool IsBusy(const v1::HostDeployment& host) {
  switch (host.state()) {
    case v1::HOST_DEPLOYMENT_STATE_PENDING:
    case v1::HOST_DEPLOYMENT_STATE_SUCCEEDED:
    case v1::HOST_DEPLOYMENT_STATE_SKIPPED:
      return false;
    default:
      return true;
  }
}

// In progress: started and not ended.
bool IsOpen(const Hosts& hosts) {
  const auto waits = [](const v1::HostDeployment* host) {
    return host->state() == v1::HOST_DEPLOYMENT_STATE_PENDING;
  };
  const auto ended = [](const v1::HostDeployment* host) { return HasEnded(host->state()); };
  return !std::all_of(hosts.begin(), hosts.end(), waits) &&
         !std::all_of(hosts.begin(), hosts.end(), ended);
}

// "37 PENDING, 2 SUCCEEDED".
std::string Counts(const Hosts& hosts, bool color) {
  std::map<v1::HostDeploymentState, int> counts;
  for (const v1::HostDeployment* host : hosts) ++counts[host->state()];
  return absl::StrJoin(counts, ", ", [&](std::string* text, const auto& count) {
    absl::StrAppend(text, count.second, " ", HostStateText(count.first, color));
  });
}

// The latest news of a step: post- hooks come after its actions, pre- hooks before them.
std::string LastOf(const v1::StepRecord& step) {
  const v1::HookCall* call = step.hook_calls().empty() ? nullptr : &*step.hook_calls().rbegin();
  const bool after = call != nullptr && call->point().rfind("post-", 0) == 0;
  if (!after && !step.actions().empty()) {
    const v1::ActionRecord& action = *step.actions().rbegin();
    return absl::StrCat(EscapeLine(action.action()), action.has_end_time() ? " done" : "");
  }
  return call == nullptr ? "" : HookCallText(*call);
}

bool IsUnderWay(const v1::StepRecord& step) {
  return !step.actions().empty() && !step.actions().rbegin()->has_end_time();
}

// What a running host does: its step, the latest news of it, and the next action. The planner
// reports the start of only the first action of a step.
std::string Doing(const v1::HostDeployment& host) {
  if (host.steps().empty()) return "";
  const v1::StepRecord& step = *host.steps().rbegin();
  const std::string last = LastOf(step);
  std::string text = KindText(step.kind());
  if (!last.empty()) absl::StrAppend(&text, ": ", last);
  if (!last.empty() && !IsUnderWay(step) && !host.remaining_actions().empty()) {
    absl::StrAppend(&text, ", then ", EscapeLine(host.remaining_actions(0)));
  }
  return text;
}

std::string Remark(const v1::HostDeployment& host) {
  if (host.state() == v1::HOST_DEPLOYMENT_STATE_RUNNING) return Doing(host);
  if (!host.message().empty()) return EscapeLine(host.message());
  return MovesText(host.moves());
}

class TreeMaker {
 public:
  TreeMaker(const DeploymentView& view, bool color) : color_(color), view_(view) {
    for (const v1::HostDeployment& host : view.hosts) {
      waves_[host.wave()].push_back(&host);
      name_width_ = std::max(name_width_, DisplayWidth(EscapeLine(host.host())));
    }
  }

  Lines Make(Detail detail) const {
    Lines lines = {Heading()};
    for (const auto& [wave, hosts] : waves_) {
      const bool last = wave == waves_.rbegin()->first;
      const bool closed = detail != Detail::kAll && !IsOpen(hosts);
      lines.push_back(absl::StrCat(last ? "└─ " : "├─ ", "wave ", wave,
                                   closed ? ": " + Counts(hosts, color_) : ""));
      if (!closed) AddHosts(hosts, detail, last ? "   " : "│  ", lines);
    }
    if (!view_.note.empty()) lines.push_back(view_.note);
    return lines;
  }

 private:
  std::string Heading() const {
    const v1::Deployment& deployment = view_.deployment;
    const long ended =
        std::count_if(view_.hosts.begin(), view_.hosts.end(),
                      [](const v1::HostDeployment& host) { return HasEnded(host.state()); });
    return absl::StrCat("deployment ", EscapeLine(deployment.id()), "  ",
                        DeploymentStateText(deployment.state(), color_), "  ",
                        deployment.current_wave() > 0
                            ? absl::StrCat("wave ", deployment.current_wave(), " of ",
                                           deployment.wave_count(), ", ")
                            : "",
                        ended, " of ", view_.hosts.size(), " hosts",
                        deployment.message().empty() ? "" : ": ", EscapeLine(deployment.message()));
  }

  void AddHosts(const Hosts& hosts, Detail detail, const std::string& indent, Lines& lines) const {
    Hosts shown;
    Hosts counted;
    for (const v1::HostDeployment* host : hosts) {
      (detail != Detail::kBusyHosts || IsBusy(*host) ? shown : counted).push_back(host);
    }
    for (size_t i = 0; i < shown.size(); ++i) {
      const bool last = i + 1 == shown.size() && counted.empty();
      lines.push_back(absl::StrCat(indent, last ? "└─ " : "├─ ", HostLine(*shown[i])));
    }
    if (!counted.empty()) {
      lines.push_back(absl::StrCat(indent, "└─ … ", Counts(counted, color_)));
    }
  }

  std::string HostLine(const v1::HostDeployment& host) const {
    const std::string name = EscapeLine(host.host());
    const std::string remark = Remark(host);
    return absl::StrCat(name, std::string(name_width_ - DisplayWidth(name) + 2, ' '),
                        HostStateText(host.state(), color_), remark.empty() ? "" : "  ", remark);
  }

  const bool color_;
  const DeploymentView& view_;
  std::map<int, Hosts> waves_;
  size_t name_width_ = 0;
};

}  // namespace

void DeploymentView::SetHost(const v1::HostDeployment& host) {
  const auto known = index.find(host.host());
  if (known != index.end()) {
    hosts[known->second] = host;
    return;
  }
  index[host.host()] = hosts.size();
  hosts.push_back(host);
}

std::vector<std::string> DeploymentTree(const DeploymentView& view, const TerminalSize& size,
                                        bool color) {
  const TreeMaker maker(view, color);
  const size_t room = static_cast<size_t>(std::max(size.rows - 1, 1));
  Lines lines;
  for (const Detail detail : {Detail::kAll, Detail::kOpenWaves, Detail::kBusyHosts}) {
    lines = maker.Make(detail);
    if (lines.size() <= room) break;
  }
  if (lines.size() > room) {
    const size_t left_out = lines.size() - room + 1;
    lines.resize(room - 1);
    lines.push_back(absl::StrCat("… ", left_out, " more lines"));
  }
  for (std::string& line : lines) line = CutToWidth(line, std::max(size.columns, 1));
  return lines;
}

}  // namespace gitops::ctl
