#include "ctl/testing/recorded_request.h"

#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"

namespace gitops::ctl {

RecordedRequest::RecordedRequest(const google::protobuf::Message& request) {
  std::shared_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  request_ = std::move(copy);
}

bool operator==(const RecordedRequest& request, absl::string_view text) {
  if (request.request_ == nullptr) return false;
  const std::unique_ptr<google::protobuf::Message> wanted(request.request_->New());
  return google::protobuf::TextFormat::ParseFromString(std::string(text), wanted.get()) &&
         google::protobuf::util::MessageDifferencer::Equals(*request.request_, *wanted);
}

RecordedRequest::operator std::string() const {
  if (request_ == nullptr) return "(no call)";
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(*request_, &text);
  return text;
}

void PrintTo(const RecordedRequest& request, std::ostream* out) { *out << std::string(request); }

}  // namespace gitops::ctl
