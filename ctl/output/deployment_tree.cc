#include "ctl/output/deployment_tree.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"
#include "common/text/plural.h"
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

// From so many hosts of a wave on that are done, one line stands for them.
constexpr size_t kManyDone = 3;

bool IsDone(const v1::HostDeployment& host) {
  return host.state() == v1::HOST_DEPLOYMENT_STATE_SUCCEEDED ||
         host.state() == v1::HOST_DEPLOYMENT_STATE_SKIPPED;
}

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

// In whole seconds: "40s", "2m5s".
std::string Elapsed(absl::Duration elapsed) {
  if (elapsed < absl::Seconds(1)) return "0s";  // FormatDuration leaves out the unit of 0.
  return absl::FormatDuration(absl::Trunc(elapsed, absl::Seconds(1)));
}

// "health-checks 40s of 5m, 4 tries: http port 80: connection refused".
std::string UnderWay(const v1::ActionRecord& action, absl::Time now) {
  std::string text = EscapeLine(action.action());
  if (action.has_start_time()) {
    const absl::Time start = FromTimestamp(action.start_time());
    absl::StrAppend(&text, " ", Elapsed(now - start));
    if (action.has_deadline()) {
      absl::StrAppend(&text, " of ", Elapsed(FromTimestamp(action.deadline()) - start));
    }
  }
  if (action.tries() > 0) absl::StrAppend(&text, ", ", Counted(action.tries(), "try", "tries"));
  const std::string message = ActionMessage(action);
  return absl::StrCat(text, message.empty() ? "" : ": ", message);
}

// The latest news of a step: post- hooks come after its actions, pre- hooks before them.
std::string LastOf(const v1::StepRecord& step, absl::Time now) {
  const v1::HookCall* call = step.hook_calls().empty() ? nullptr : &*step.hook_calls().rbegin();
  const bool after = call != nullptr && call->point().rfind("post-", 0) == 0;
  if (!after && !step.actions().empty()) {
    const v1::ActionRecord& action = *step.actions().rbegin();
    return action.has_end_time() ? absl::StrCat(EscapeLine(action.action()), " done")
                                 : UnderWay(action, now);
  }
  return call == nullptr ? "" : HookCallText(*call);
}

bool IsUnderWay(const v1::StepRecord& step) {
  return !step.actions().empty() && !step.actions().rbegin()->has_end_time();
}

// What a running host does: its step, the latest news of it, and the next action. The planner
// reports the start of only the first action of a step.
std::string Doing(const v1::HostDeployment& host, absl::Time now) {
  if (host.steps().empty()) return "";
  const v1::StepRecord& step = *host.steps().rbegin();
  const std::string last = LastOf(step, now);
  std::string text = KindText(step.kind());
  if (!last.empty()) absl::StrAppend(&text, ": ", last);
  if (!last.empty() && !IsUnderWay(step) && !host.remaining_actions().empty()) {
    absl::StrAppend(&text, ", then ", EscapeLine(host.remaining_actions(0)));
  }
  return text;
}

std::string Remark(const v1::HostDeployment& host, absl::Time now) {
  if (host.state() == v1::HOST_DEPLOYMENT_STATE_RUNNING) return Doing(host, now);
  if (!host.message().empty()) return EscapeLine(host.message());
  return MovesText(host.moves(), TableStyle());
}

class TreeMaker {
 public:
  TreeMaker(const DeploymentView& view, bool color, absl::Time now)
      : color_(color), now_(now), view_(view) {
    for (const v1::HostDeployment& host : view.hosts) {
      waves_[host.wave()].push_back(&host);
      name_width_ = std::max(name_width_, DisplayWidth(EscapeLine(host.host())));
    }
  }

  Lines Make(Detail detail) const {
    Lines lines = {Heading()};
    for (const auto& [wave, hosts] : waves_) {
      const bool last = wave == waves_.rbegin()->first;
      const bool done = hosts.size() >= kManyDone &&
                        std::all_of(hosts.begin(), hosts.end(),
                                    [](const v1::HostDeployment* host) { return IsDone(*host); });
      const bool closed = done || (detail != Detail::kAll && !IsOpen(hosts));
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
                        CountedOf(ended, view_.hosts.size(), "host"), Took(),
                        deployment.message().empty() ? "" : ": ", EscapeLine(deployment.message()));
  }

  // ", 2m5s"; empty before it starts.
  std::string Took() const {
    const v1::Deployment& deployment = view_.deployment;
    if (!deployment.has_start_time()) return "";
    const absl::Time end = deployment.has_end_time() ? FromTimestamp(deployment.end_time()) : now_;
    return absl::StrCat(", ", Elapsed(end - FromTimestamp(deployment.start_time())));
  }

  void AddHosts(const Hosts& hosts, Detail detail, const std::string& indent, Lines& lines) const {
    Hosts shown;
    Hosts counted;
    const auto done = std::count_if(hosts.begin(), hosts.end(),
                                    [](const v1::HostDeployment* host) { return IsDone(*host); });
    for (const v1::HostDeployment* host : hosts) {
      const bool collapsed = IsDone(*host) && static_cast<size_t>(done) >= kManyDone;
      const bool left_out = collapsed || (detail == Detail::kBusyHosts && !IsBusy(*host));
      (left_out ? counted : shown).push_back(host);
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
    const std::string remark = Remark(host, now_);
    return absl::StrCat(name, std::string(name_width_ - DisplayWidth(name) + 2, ' '),
                        HostStateText(host.state(), color_), remark.empty() ? "" : "  ", remark);
  }

  const bool color_;
  const absl::Time now_;
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
                                        bool color, absl::Time now) {
  const TreeMaker maker(view, color, now);
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
  for (std::string& line : lines) line = Shortened(line, std::max(size.columns, 1));
  return lines;
}

}  // namespace gitops::ctl
