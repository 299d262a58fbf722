#ifndef GITOPS_AGENT_GIT_BLOB_STREAM_H_
#define GITOPS_AGENT_GIT_BLOB_STREAM_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Receives the objects that `git cat-file --batch` writes, in the requested order. A status that is
// not OK ends the stream.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual absl::Status Begin(int64_t size) = 0;
  virtual absl::Status Data(absl::string_view piece) = 0;
  virtual absl::Status End() = 0;
  // The mirror does not have the next object.
  virtual absl::Status Missing() = 0;
};

// Parses the stream incrementally; does not keep content.
class BlobStream {
 public:
  explicit BlobStream(BlobSink* sink) : sink_(sink) {}

  // INTERNAL: not such a stream; FAILED_PRECONDITION: an object is not a blob; or the sink's error.
  absl::Status Add(absl::string_view output);

  // Whether the stream ended between two objects.
  bool complete() const { return state_ == State::kHeader && header_.empty(); }

 private:
  enum class State { kHeader, kContent, kNewline };
  absl::Status AddHeader();

  BlobSink* const sink_;
  State state_ = State::kHeader;
  std::string header_;
  int64_t left_ = 0;  // bytes of the content
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_BLOB_STREAM_H_
