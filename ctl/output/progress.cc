#include "ctl/output/progress.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/sync/mutex.h"
#include "ctl/output/deployment_lines.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/deployment_tree.h"
#include "ctl/output/redrawn_block.h"

namespace gitops::ctl {
namespace {

constexpr std::chrono::milliseconds kRedrawEvery(100);
// A resized terminal shows a broken tree until it is drawn again.
constexpr std::chrono::milliseconds kLookAtSizeEvery(250);
// The tree shows elapsed times.
constexpr absl::Duration kRefreshEvery = absl::Seconds(1);

class LiveTree : public DeploymentProgress {
 public:
  LiveTree(std::function<TerminalSize()> size, bool color, std::ostream& out)
      : size_(std::move(size)), color_(color), out_(out), drawer_([this] { DrawChanges(); }) {}

  ~LiveTree() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    drawer_.join();
    MutexLock lock(mutex_);
    if (dirty_) Draw();
  }

  void Update(const v1::WatchDeploymentResponse& update) override {
    MutexLock lock(mutex_);
    view_.note.clear();
    if (update.has_deployment()) view_.deployment = update.deployment();
    if (update.has_host()) view_.SetHost(update.host());
    started_ = started_ || update.initial_done();
    dirty_ = started_;
    changed_.NotifyAll();
  }

  void Note(const std::string& text) override {
    MutexLock lock(mutex_);
    view_.note = text;
    dirty_ = true;
    changed_.NotifyAll();
  }

 private:
  // A change is drawn at once, the next one only after a pause: a fleet changes faster than people
  // read, and drawing must not delay the watch.
  void DrawChanges() {
    MutexLock lock(mutex_);
    while (!stopping_) {
      while (!stopping_ && !dirty_) AwaitChange();
      if (stopping_) return;
      Draw();
      const auto next = std::chrono::steady_clock::now() + kRedrawEvery;
      while (!stopping_ && changed_.WaitUntil(mutex_, next)) {
      }
    }
  }

  void AwaitChange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kLookAtSizeEvery);
    if (drawn_.empty()) return;
    const bool older =
        absl::Now() - drawn_at_ >= kRefreshEvery && !HasEnded(view_.deployment.state());
    if (older || size_() != drawn_for_) dirty_ = true;
  }

  void Draw() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    dirty_ = false;
    drawn_for_ = size_();
    drawn_at_ = absl::Now();
    const std::vector<std::string> tree = DeploymentTree(view_, drawn_for_, color_, drawn_at_);
    out_ << drawn_.Replace(tree, drawn_for_.columns) << std::flush;
  }

  const std::function<TerminalSize()> size_;
  const bool color_;
  std::ostream& out_;
  Mutex mutex_;
  CondVar changed_;
  DeploymentView view_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  RedrawnBlock drawn_ ABSL_GUARDED_BY(mutex_);
  TerminalSize drawn_for_ ABSL_GUARDED_BY(mutex_);
  absl::Time drawn_at_ ABSL_GUARDED_BY(mutex_);
  std::thread drawer_;  // Declared last: it uses the other members.
};

class ProgressLines : public DeploymentProgress {
 public:
  ProgressLines(std::ostream& out, std::ostream& notes) : out_(out), notes_(notes) {}

  void Update(const v1::WatchDeploymentResponse& update) override {
    const std::string now =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
    for (const std::string& line : lines_.Update(update)) out_ << now << " " << line << "\n";
    out_.flush();
  }

  void Note(const std::string& text) override { notes_ << text << std::endl; }

 private:
  std::ostream& out_;
  std::ostream& notes_;
  DeploymentLines lines_;
};

}  // namespace

std::unique_ptr<DeploymentProgress> MakeLiveTree(std::function<TerminalSize()> size, bool color,
                                                 std::ostream& out) {
  return std::make_unique<LiveTree>(std::move(size), color, out);
}

std::unique_ptr<DeploymentProgress> MakeProgressLines(std::ostream& out, std::ostream& notes) {
  return std::make_unique<ProgressLines>(out, notes);
}

}  // namespace gitops::ctl
