#ifndef GITOPS_COMMON_STORE_CONVERT_H_
#define GITOPS_COMMON_STORE_CONVERT_H_

#include "google/protobuf/message.h"

// Converts between API messages and stored messages (proto/gitops/record), so that the API can
// change without a migration of stored data.
namespace gitops {

// Copies every field of `from` to the field of `to` that has the same JSON name; a stored field
// whose API field was renamed has a json_name. Numbers and texts must have the same type. Enums are
// converted by number; a text and an enum by name: "dry-activate" is STEP_KIND_DRY_ACTIVATE; an
// unknown text becomes the enum's zero. Other fields, and fields that only one of the messages has,
// are not copied. Each pair of messages needs a test that there are none (convert_testing.h).
void Convert(const google::protobuf::Message& from, google::protobuf::Message& to);

template <typename To>
To Converted(const google::protobuf::Message& from) {
  To to;
  Convert(from, to);
  return to;
}

// The same for a list; `to` is a RepeatedPtrField.
template <typename From, typename To>
void ConvertAll(const From& from, To& to) {
  to.Clear();
  to.Reserve(static_cast<int>(from.size()));
  for (const auto& each : from) Convert(each, *to.Add());
}

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_CONVERT_H_
