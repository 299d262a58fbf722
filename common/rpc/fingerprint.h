#ifndef GITOPS_COMMON_RPC_FINGERPRINT_H_
#define GITOPS_COMMON_RPC_FINGERPRINT_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/message_lite.h"

namespace gitops {

// For comparing a message with what was sent before, within one process. Equal messages are equal,
// whatever the order of their maps.
inline size_t Fingerprint(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return std::hash<std::string>()(bytes);
}

// For clients, to compare states of `message`.
inline std::string Etag(const google::protobuf::MessageLite& message) {
  return absl::StrCat(absl::Hex(Fingerprint(message)));
}

// Of a message whose field `etag` is not set yet.
template <typename Message>
void AddEtag(Message& message) {
  message.set_etag(Etag(message));
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_FINGERPRINT_H_
