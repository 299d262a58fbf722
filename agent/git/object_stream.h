#ifndef GITOPS_AGENT_GIT_OBJECT_STREAM_H_
#define GITOPS_AGENT_GIT_OBJECT_STREAM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/git/object_hash.h"

namespace gitops {

// What `git cat-file --batch-command` writes, taken as hostile: its process belongs to an account
// that may replace it, or the objects that it reads.

struct ObjectInfo {
  std::string type;  // empty: the mirror does not have it
  int64_t size = 0;

  bool operator==(const ObjectInfo&) const = default;
};

// Receives objects in the order in which they were asked for. A status that is not OK ends the
// stream.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  virtual absl::Status Begin(const ObjectInfo& info) = 0;
  virtual absl::Status Data(absl::string_view piece) = 0;
  // The content has the hash that was asked for. If it has not, the stream ends without this call,
  // and nothing of the object may be used.
  virtual absl::Status End() = 0;
};

// Reads the answer to `info` for each of `ids`. Each method returns whether the answer is complete.
// DATA_LOSS: it is not such an answer.
class InfoStream {
 public:
  explicit InfoStream(const std::vector<std::string>& ids) : ids_(ids) {}
  absl::StatusOr<bool> Add(absl::string_view output);
  std::vector<ObjectInfo> Take() { return std::move(infos_); }

 private:
  const std::vector<std::string>& ids_;
  std::string line_;
  std::vector<ObjectInfo> infos_;
};

// Reads the answer to `contents` for each of `ids`, keeps nothing, and verifies each object's hash.
// DATA_LOSS: it is not such an answer, an object is missing, or it is not what its id says.
class ContentStream {
 public:
  ContentStream(const std::vector<std::string>& ids, ObjectSink* sink) : ids_(ids), sink_(sink) {}
  absl::StatusOr<bool> Add(absl::string_view output);

 private:
  enum class State { kHeader, kContent, kNewline };
  absl::Status AddHeader();
  absl::Status EndObject();

  const std::vector<std::string>& ids_;
  ObjectSink* const sink_;
  size_t next_ = 0;  // of ids_
  State state_ = State::kHeader;
  std::string header_;
  int64_t left_ = 0;  // bytes of the content
  std::optional<ObjectHash> hash_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_OBJECT_STREAM_H_
