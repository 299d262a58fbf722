#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_LAYOUT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_LAYOUT_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/promotion_receiver/yaml_edit/scalar_text.h"
#include "services/promotion_receiver/yaml_edit/yaml_events.h"

namespace gitops {

// Where the scalars, aliases and comments of a YAML text are. Positions are bytes.
struct YamlLayout {
  struct Scalar {
    size_t event = 0;           // its index; an alias is here too
    size_t begin = 0, end = 0;  // with quotes, without anchor and tag; of an alias only its start
    ScalarStyle style = ScalarStyle::kPlain;
    // It goes on in another line, or it is a block scalar: `end` is not that of the scalar.
    bool multi_line = false;
  };
  struct Comment {
    size_t begin = 0, end = 0;  // from its '#' to before the line break
  };
  std::vector<Scalar> scalars;  // in the order of the text
  std::vector<Comment> comments;
};

// `events` are those of `text`. INTERNAL: they do not fit to it ("line N: what").
absl::StatusOr<YamlLayout> LayoutOf(absl::string_view text, const std::vector<YamlEvent>& events);

// Counts from 1.
size_t LineOf(absl::string_view text, size_t position);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_LAYOUT_H_
