#ifndef GITOPS_AGENT_GIT_OBJECT_READER_H_
#define GITOPS_AGENT_GIT_OBJECT_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/git/object_stream.h"
#include "common/process/process.h"

namespace gitops {

// One `git cat-file --batch-command --buffer`, and what it answers, verified. Not thread-safe. Of
// no further use after an error. Errors are those of the streams and of Conversation::Ask; `cancel`
// as there.
class ObjectReader {
 public:
  explicit ObjectReader(std::unique_ptr<Conversation> git) : git_(std::move(git)) {}

  absl::StatusOr<std::vector<ObjectInfo>> Info(const std::vector<std::string>& ids,
                                               absl::Duration timeout, int cancel);
  absl::Status Contents(const std::vector<std::string>& ids, ObjectSink* sink,
                        absl::Duration timeout, int cancel);

  // Whether git wrote nothing since the last request.
  bool silent() const { return silent_; }
  // See Conversation.
  const std::optional<CommandResult>& ending() const { return git_->ending(); }

 private:
  template <typename Stream>
  absl::Status Ask(const char* command, const std::vector<std::string>& ids, Stream* stream,
                   absl::Duration timeout, int cancel);

  const std::unique_ptr<Conversation> git_;
  bool silent_ = true;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_OBJECT_READER_H_
