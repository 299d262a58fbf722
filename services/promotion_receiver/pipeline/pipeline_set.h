#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_SET_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_SET_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

// All pipelines at one moment.
struct Pipelines {
  struct Entry {
    Pipeline pipeline;
    absl::Time load_time;
    // Why the file as it is now cannot be used; this is its last good version. Empty: it is used.
    std::string error;
  };
  // By namespace and name.
  std::map<std::pair<std::string, std::string>, Entry> entries;
  // Why files cannot be used, by path; under the path of the directory why it cannot be read.
  std::map<std::string, std::string> bad;

  // Null: there is no such pipeline.
  const Pipeline* Find(const std::string& namespace_, const std::string& name) const;
};

// The pipelines in the files *.yaml and *.yml of a directory, read again when they change. A bad
// file keeps its last good version; a pipeline that others have already, by its name or by a branch
// of pull requests, makes its file bad. The pipelines of a file that is removed are gone; if the
// directory cannot be read, all stay. A symlink makes its file bad; only the path of the directory
// itself may lead through symlinks, which are followed at each look. Hidden files are not read.
// Thread-safe.
class PipelineSet {
 public:
  // Reads the directory, then looks for changes every two seconds. `changed`, which may be empty,
  // is called after each change from the scheduler. The clock and the scheduler are not owned.
  // Files may be bad; NOT_FOUND and others: the directory cannot be read.
  static absl::StatusOr<std::unique_ptr<PipelineSet>> Open(std::string directory, Clock* clock,
                                                           Scheduler* scheduler,
                                                           std::function<void()> changed);
  // The same without looking for changes.
  static absl::StatusOr<Pipelines> ReadOnce(const std::string& directory, Clock* clock);

  PipelineSet(const PipelineSet&) = delete;
  PipelineSet& operator=(const PipelineSet&) = delete;
  ~PipelineSet();

  std::shared_ptr<const Pipelines> Now() const;
  // Looks for changes now; returns without waiting.
  void Reload() { job_->Wake(); }

 private:
  class Directory;
  PipelineSet(std::unique_ptr<Directory> directory, std::function<void()> changed);
  // Publishes what changed. Called only by the job.
  void Look();

  const std::unique_ptr<Directory> directory_;
  const std::function<void()> changed_;
  mutable Mutex mutex_;
  std::shared_ptr<const Pipelines> now_ ABSL_GUARDED_BY(mutex_);
  // Destroyed first: no run comes after that.
  std::unique_ptr<Scheduler::Job> job_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_SET_H_
