#ifndef GITOPS_CTL_TESTING_RECORDED_REQUEST_H_
#define GITOPS_CTL_TESTING_RECORDED_REQUEST_H_

#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace gitops::ctl {

// A request that a fake received, to compare with protobuf's text form.
class RecordedRequest {
 public:
  RecordedRequest() = default;  // no call; equals nothing
  explicit RecordedRequest(const google::protobuf::Message& request);

  // Whether `text` parses as a message of the same type with the same content.
  friend bool operator==(const RecordedRequest& request, absl::string_view text);
  // To compare with a part of it: all fields on one line, in the order of their numbers.
  operator std::string() const;  // NOLINT(google-explicit-constructor)
  friend void PrintTo(const RecordedRequest& request, std::ostream* out);

 private:
  std::shared_ptr<const google::protobuf::Message> request_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_TESTING_RECORDED_REQUEST_H_
