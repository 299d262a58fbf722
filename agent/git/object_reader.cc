#include "agent/git/object_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {

template <typename Stream>
absl::Status ObjectReader::Ask(const char* command, const std::vector<std::string>& ids,
                               Stream* stream, absl::Duration timeout, int cancel) {
  silent_ = true;
  if (ids.empty()) return absl::OkStatus();
  std::string request;
  for (const std::string& id : ids) absl::StrAppend(&request, command, " ", id, "\n");
  request += "flush\n";
  return git_->Ask(
      request,
      [&](absl::string_view output) {
        silent_ = false;
        return stream->Add(output);
      },
      timeout, cancel);
}

absl::StatusOr<std::vector<ObjectInfo>> ObjectReader::Info(const std::vector<std::string>& ids,
                                                           absl::Duration timeout, int cancel) {
  InfoStream stream(ids);
  if (auto status = Ask("info", ids, &stream, timeout, cancel); !status.ok()) return status;
  return stream.Take();
}

absl::Status ObjectReader::Contents(const std::vector<std::string>& ids, ObjectSink* sink,
                                    absl::Duration timeout, int cancel) {
  ContentStream stream(ids, sink);
  return Ask("contents", ids, &stream, timeout, cancel);
}

}  // namespace gitops
