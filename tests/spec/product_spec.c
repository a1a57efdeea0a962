/* Products: rules in command-api/domain/product.c. */
#include <stdio.h>

#include "vocabulary.h"

#define TITLES_MAX 256
#define PRICES_MAX 1000
#define IN_2009 at_time("2009-01-01T00:00:00Z")
#define IN_JANUARY at_time("2011-01-01T00:00:00Z")
#define IN_MARCH at_time("2011-03-01T00:00:00Z")
#define IN_JUNE at_time("2011-06-01T00:00:00Z")

SPECS_OF(product_decider, "tea")

static void given_tea(void)
{
    given(product_created(.sku = "tea", .details = {.short_description = "Black",
                                                    .supplier = "Twining",
                                                    .eans = list(ev_str, {"12345678"})}),
          product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW),
          product_priced(.sku = "tea", .price = money(2.55), .currency = "GBP", .valid_from = SPEC_NOW));
}

static void given_discontinued_tea(void)
{
    given_tea();
    given(product_discontinued(.sku = "tea", .reason = "replaced"));
}

/* Creating */

SPEC("a product is created with its title, valid from now")
{
    when(create_product(.sku = "tea", .title = "Tea"));
    then(product_created(.sku = "tea"), product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW));
    then_state(product_state, .sku = "tea", .titles = list(product_title, {.title = "Tea", .valid_from = SPEC_NOW}));
}

SPEC("a product is created with all its details")
{
    when(create_product(.sku = "tea", .title = "Tea", .short_description = "Black", .supplier = "Twining",
                        .eans = list(ev_str, {"12345678"}, {"87654321"}), .images = list(ev_str, {"tea.jpg"}),
                        .released_on = some(IN_2009),
                        .attributes = list(create_product_attributes_item, {.name = "colour", .text = "black"},
                                           {.name = "weight", .number = some(0.25)})));
    then(product_created(.sku = "tea",
                         .details = {.short_description = "Black",
                                     .supplier = "Twining",
                                     .eans = list(ev_str, {"12345678"}, {"87654321"}),
                                     .images = list(ev_str, {"tea.jpg"}),
                                     .released_on = some(IN_2009),
                                     .attributes = list(product_attribute, {.name = "colour", .text = "black"},
                                                        {.name = "weight", .number = some(0.25)})}),
         product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW));
}

SPEC("a price without a time is valid from now, one with a time from then; each currency has its own history")
{
    when(create_product(.sku = "tea", .title = "Tea",
                        .prices = list(create_product_prices_item, {.price = money(2.55), .currency = "GBP"},
                                       {.price = money(3), .currency = "EUR", .valid_from = some(IN_2009)},
                                       {.price = money(2.95), .currency = "GBP", .valid_from = some(IN_JANUARY)})));
    then(product_created(.sku = "tea"), product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW),
         product_priced(.sku = "tea", .price = money(3), .currency = "EUR", .valid_from = IN_2009),
         product_priced(.sku = "tea", .price = money(2.55), .currency = "GBP", .valid_from = SPEC_NOW),
         product_priced(.sku = "tea", .price = money(2.95), .currency = "GBP", .valid_from = IN_JANUARY));
    then_state(product_state, .sku = "tea", .titles = list(product_title, {.title = "Tea", .valid_from = SPEC_NOW}),
               .prices = list(product_price, {.price = money(3), .currency = "EUR", .valid_from = IN_2009},
                              {.price = money(2.55), .currency = "GBP", .valid_from = SPEC_NOW},
                              {.price = money(2.95), .currency = "GBP", .valid_from = IN_JANUARY}));
}

SPEC("a free product has a price of 0")
{
    when(create_product(.sku = "tea", .title = "Tea", .prices = list(create_product_prices_item, {.currency = "GBP"})));
    then(product_created(.sku = "tea"), product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW),
         product_priced(.sku = "tea", .price = 0, .currency = "GBP", .valid_from = SPEC_NOW));
}

SPEC("further titles of other times come with the product, whatever their order")
{
    when(create_product(.sku = "tea", .title = "Tea",
                        .titles = list(create_product_titles_item, {.title = "Green tea", .valid_from = some(IN_JUNE)},
                                       {.title = "Thee", .valid_from = some(IN_2009)})));
    then(product_created(.sku = "tea"), product_titled(.sku = "tea", .title = "Thee", .valid_from = IN_2009),
         product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW),
         product_titled(.sku = "tea", .title = "Green tea", .valid_from = IN_JUNE));
}

SPEC("a title that is valid now by the further titles is not repeated")
{
    when(create_product(.sku = "tea", .title = "Tea",
                        .titles = list(create_product_titles_item, {.title = "Tea", .valid_from = some(IN_2009)})));
    then(product_created(.sku = "tea"), product_titled(.sku = "tea", .title = "Tea", .valid_from = IN_2009));
}

SPEC("two different titles from the same time contradict each other")
{
    when(create_product(.sku = "tea", .title = "Tea",
                        .titles = list(create_product_titles_item, {.title = "A", .valid_from = some(IN_2009)},
                                       {.title = "B", .valid_from = some(IN_2009)})));
    then_rejected(REJECTION_TIME_CONTRADICTION, "/titles/1");
    when(create_product(.sku = "tea", .title = "Tea", .titles = list(create_product_titles_item, {.title = "Thee"})));
    then_rejected(REJECTION_TIME_CONTRADICTION, "/title");
}

SPEC("two different prices in one currency from the same time contradict each other, equal ones don't")
{
    when(
        create_product(.sku = "tea", .title = "Tea",
                       .prices = list(create_product_prices_item, {.price = money(1), .currency = "GBP"},
                                      {.price = money(1), .currency = "EUR"}, {.price = money(2), .currency = "GBP"})));
    then_rejected(REJECTION_TIME_CONTRADICTION, "/prices/2");
    when(create_product(.sku = "tea", .title = "Tea",
                        .prices = list(create_product_prices_item, {.price = money(1), .currency = "GBP"},
                                       {.price = money(1), .currency = "GBP"})));
    then(product_created(.sku = "tea"), product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW),
         product_priced(.sku = "tea", .price = money(1), .currency = "GBP", .valid_from = SPEC_NOW));
}

SPEC("an attribute is a text or a number")
{
    when(create_product(.sku = "tea", .title = "Tea",
                        .attributes =
                            list(create_product_attributes_item, {.name = "a", .text = "x"}, {.name = "colour"})));
    then_rejected(REJECTION_ATTRIBUTE_INVALID, "/attributes/1");
    then_detail_has("neither");
    when(create_product(.sku = "tea", .title = "Tea",
                        .attributes =
                            list(create_product_attributes_item, {.name = "a", .text = "x", .number = some(1)})));
    then_rejected(REJECTION_ATTRIBUTE_INVALID, "/attributes/0");
    then_detail_has("both");
}

SPEC("several attributes may have one name")
{
    when(create_product(.sku = "tea", .title = "Tea",
                        .attributes = list(create_product_attributes_item, {.name = "made of", .text = "wood"},
                                           {.name = "made of", .text = "wool"})));
    then(product_created(.sku = "tea",
                         .details = {.attributes = list(product_attribute, {.name = "made of", .text = "wood"},
                                                        {.name = "made of", .text = "wool"})}),
         product_titled(.sku = "tea", .title = "Tea", .valid_from = SPEC_NOW));
}

SPEC("creating a product again changes nothing where all of it is so already, also later and after a further price")
{
    given_tea();
    given(product_priced(.sku = "tea", .price = money(3), .currency = "EUR", .valid_from = SPEC_NOW));
    now_is("2010-12-02T00:00:00Z");
    when(create_product(.sku = "tea", .title = "Tea", .short_description = "Black", .supplier = "Twining",
                        .eans = list(ev_str, {"12345678"}),
                        .prices = list(create_product_prices_item, {.price = money(2.55), .currency = "GBP"})));
    then_nothing();
}

SPEC("creating a product again with other details, title or price is a conflict")
{
    given_tea();
    when(create_product(.sku = "tea", .title = "Tea", .short_description = "Black", .supplier = "Twining"));
    then_rejected(REJECTION_PRODUCT_EXISTS, "");
    when(create_product(.sku = "tea", .title = "Green tea", .short_description = "Black", .supplier = "Twining",
                        .eans = list(ev_str, {"12345678"})));
    then_rejected(REJECTION_PRODUCT_EXISTS, "");
    when(create_product(.sku = "tea", .title = "Tea", .short_description = "Black", .supplier = "Twining",
                        .eans = list(ev_str, {"12345678"}),
                        .prices = list(create_product_prices_item, {.price = money(2.56), .currency = "GBP"})));
    then_rejected(REJECTION_PRODUCT_EXISTS, "");
}

SPEC("a discontinued product isn't created again")
{
    given_discontinued_tea();
    when(create_product(.sku = "tea", .title = "Tea", .short_description = "Black", .supplier = "Twining",
                        .eans = list(ev_str, {"12345678"})));
    then_rejected(REJECTION_PRODUCT_DISCONTINUED, "");
}

/* Changing */

SPEC("a product that was never created can't be changed or discontinued")
{
    when(change_product(.title = "Tea"));
    then_rejected(REJECTION_PRODUCT_NOT_FOUND, "");
    then_detail_has("\"tea\"");
    when(discontinue_product());
    then_rejected(REJECTION_PRODUCT_NOT_FOUND, "");
}

SPEC("a change without any field changes nothing")
{
    given_tea();
    when(change_product());
    then_nothing();
}

SPEC("only what differs is changed; fields that are absent stay")
{
    given_tea();
    now_is("2010-12-02T00:00:00Z");
    when(change_product(.title = "Tea", .supplier = "Lipton",
                        .prices = list(change_product_prices_item, {.price = money(2.55), .currency = "GBP"})));
    then(product_details_changed(.sku = "tea", .details = {.short_description = "Black",
                                                           .supplier = "Lipton",
                                                           .eans = list(ev_str, {"12345678"})}));
    then_state(product_state, .sku = "tea",
               .details = {.short_description = "Black", .supplier = "Lipton", .eans = list(ev_str, {"12345678"})},
               .titles = list(product_title, {.title = "Tea", .valid_from = SPEC_NOW}),
               .prices = list(product_price, {.price = money(2.55), .currency = "GBP", .valid_from = SPEC_NOW}));
}

SPEC("details that are so already change nothing")
{
    given_tea();
    when(change_product(.short_description = "Black", .supplier = "Twining", .eans = list(ev_str, {"12345678"})));
    then_nothing();
}

SPEC("a list that is given replaces the old one, also an empty one")
{
    given_tea();
    when(change_product(.eans = list(ev_str, {"11111111"}), .images = list(ev_str, {"a.jpg"})));
    then(product_details_changed(.sku = "tea", .details = {.short_description = "Black",
                                                           .supplier = "Twining",
                                                           .eans = list(ev_str, {"11111111"}),
                                                           .images = list(ev_str, {"a.jpg"})}));
    when(change_product(.eans = {(struct ev_str[]){{NULL}}, 0, 0}));
    then(product_details_changed(.sku = "tea", .details = {.short_description = "Black",
                                                           .supplier = "Twining",
                                                           .images = list(ev_str, {"a.jpg"})}));
    then_holds(state_of(product)->details.eans.count == 0);
}

SPEC("release date and attributes are changed")
{
    given_tea();
    when(change_product(.released_on = some(IN_2009),
                        .attributes = list(change_product_attributes_item, {.name = "weight", .number = some(1.5)})));
    then(product_details_changed(.sku = "tea",
                                 .details = {.short_description = "Black",
                                             .supplier = "Twining",
                                             .eans = list(ev_str, {"12345678"}),
                                             .released_on = some(IN_2009),
                                             .attributes =
                                                 list(product_attribute, {.name = "weight", .number = some(1.5)})}));
}

SPEC("an attribute of a change is a text or a number")
{
    given_tea();
    when(change_product(.attributes = list(change_product_attributes_item, {.name = "weight"})));
    then_rejected(REJECTION_ATTRIBUTE_INVALID, "/attributes/0");
}

SPEC("a new title is valid from now, the old one stays known")
{
    given_tea();
    now_is("2010-12-02T00:00:00Z");
    when(change_product(.title = "Green tea"));
    then(product_titled(.sku = "tea", .title = "Green tea", .valid_from = at_time("2010-12-02T00:00:00Z")));
    then_holds(state_of(product)->titles.count == 2);
}

SPEC("a title from the very time of another replaces it")
{
    given_tea();
    when(change_product(.title = "Green tea"));
    then(product_titled(.sku = "tea", .title = "Green tea", .valid_from = SPEC_NOW));
    then_state(product_state, .sku = "tea",
               .details = {.short_description = "Black", .supplier = "Twining", .eans = list(ev_str, {"12345678"})},
               .titles = list(product_title, {.title = "Green tea", .valid_from = SPEC_NOW}),
               .prices = list(product_price, {.price = money(2.55), .currency = "GBP", .valid_from = SPEC_NOW}));
}

SPEC("titles over time are added in the order of their times")
{
    given_tea();
    when(change_product(.titles = list(change_product_titles_item, {.title = "C", .valid_from = some(IN_JUNE)},
                                       {.title = "A", .valid_from = some(IN_2009)},
                                       {.title = "B", .valid_from = some(IN_MARCH)})));
    then(product_titled(.sku = "tea", .title = "A", .valid_from = IN_2009),
         product_titled(.sku = "tea", .title = "B", .valid_from = IN_MARCH),
         product_titled(.sku = "tea", .title = "C", .valid_from = IN_JUNE));
    then_state(product_state, .sku = "tea",
               .details = {.short_description = "Black", .supplier = "Twining", .eans = list(ev_str, {"12345678"})},
               .titles =
                   list(product_title, {.title = "A", .valid_from = IN_2009}, {.title = "Tea", .valid_from = SPEC_NOW},
                        {.title = "B", .valid_from = IN_MARCH}, {.title = "C", .valid_from = IN_JUNE}),
               .prices = list(product_price, {.price = money(2.55), .currency = "GBP", .valid_from = SPEC_NOW}));
}

SPEC("a price that is valid at its time adds nothing, in another currency it does")
{
    given_tea();
    when(change_product(.prices = list(change_product_prices_item,
                                       {.price = money(2.55), .currency = "GBP", .valid_from = some(IN_JUNE)},
                                       {.price = money(2.55), .currency = "EUR", .valid_from = some(IN_JUNE)})));
    then(product_priced(.sku = "tea", .price = money(2.55), .currency = "EUR", .valid_from = IN_JUNE));
}

SPEC("what prices come to doesn't depend on the order of the list: up in March and down again in June")
{
    given_tea();
    when(change_product(.prices = list(change_product_prices_item,
                                       {.price = money(2.55), .currency = "GBP", .valid_from = some(IN_JUNE)},
                                       {.price = money(2.95), .currency = "GBP", .valid_from = some(IN_MARCH)})));
    then(product_priced(.sku = "tea", .price = money(2.95), .currency = "GBP", .valid_from = IN_MARCH),
         product_priced(.sku = "tea", .price = money(2.55), .currency = "GBP", .valid_from = IN_JUNE));
}

SPEC("a price from before the first one is added before it")
{
    given_tea();
    when(change_product(.prices = list(change_product_prices_item,
                                       {.price = money(2.55), .currency = "GBP", .valid_from = some(IN_2009)})));
    then(product_priced(.sku = "tea", .price = money(2.55), .currency = "GBP", .valid_from = IN_2009));
    then_holds(state_of(product)->prices.items[0].valid_from == IN_2009);
}

SPEC("a price from the very time of another replaces it")
{
    given_tea();
    when(change_product(.prices = list(change_product_prices_item, {.price = money(9), .currency = "GBP"})));
    then(product_priced(.sku = "tea", .price = money(9), .currency = "GBP", .valid_from = SPEC_NOW));
    then_holds(state_of(product)->prices.count == 1);
    then_holds(state_of(product)->prices.items[0].price == money(9));
}

SPEC("a price that no client could send is refused")
{
    given_tea();
    when(change_product(.prices = list(change_product_prices_item, {.price = money(1), .currency = "GBP"},
                                       {.price = -1, .currency = "EUR"})));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/prices/1/price");
}

SPEC("a product has at most 256 titles over time; one of them can still be replaced")
{
    char title[16];
    given_tea();
    for (int i = 1; i < TITLES_MAX - 1; i++) {
        snprintf(title, sizeof(title), "Tea %d", i);
        given(product_titled(.sku = "tea", .title = title, .valid_from = SPEC_NOW + i));
    }
    when(change_product(.titles = list(change_product_titles_item, {.title = "Y", .valid_from = some(IN_MARCH)})));
    then(product_titled(.sku = "tea", .title = "Y", .valid_from = IN_MARCH));
    when(change_product(.titles = list(change_product_titles_item, {.title = "X", .valid_from = some(IN_JUNE)})));
    then_rejected(REJECTION_PRODUCT_HISTORY_FULL, "/titles");
    then_detail_has("256");
    when(change_product(.titles = list(change_product_titles_item, {.title = "X", .valid_from = some(SPEC_NOW + 7)})));
    then(product_titled(.sku = "tea", .title = "X", .valid_from = SPEC_NOW + 7));
}

SPEC("a product has at most 1,000 prices over time; one of them can still be replaced")
{
    given_tea();
    for (int i = 1; i < PRICES_MAX - 1; i++)
        given(product_priced(.sku = "tea", .price = i, .currency = "GBP", .valid_from = SPEC_NOW + i));
    when(change_product(.prices = list(change_product_prices_item, {.price = money(1), .currency = "USD"})));
    then(product_priced(.sku = "tea", .price = money(1), .currency = "USD", .valid_from = SPEC_NOW));
    when(change_product(.prices = list(change_product_prices_item, {.price = money(1), .currency = "EUR"})));
    then_rejected(REJECTION_PRODUCT_HISTORY_FULL, "/prices");
    then_detail_has("1000");
    when(change_product(.prices = list(change_product_prices_item,
                                       {.price = money(1), .currency = "GBP", .valid_from = some(SPEC_NOW + 7)})));
    then(product_priced(.sku = "tea", .price = money(1), .currency = "GBP", .valid_from = SPEC_NOW + 7));
}

/* Discontinuing */

SPEC("a product is discontinued")
{
    given_tea();
    when(discontinue_product(.reason = "replaced"));
    then(product_discontinued(.sku = "tea", .reason = "replaced"));
    then_holds(state_of(product)->discontinued);
}

SPEC("discontinuing again changes nothing")
{
    given_discontinued_tea();
    when(discontinue_product(.reason = "out of fashion"));
    then_nothing();
}

SPEC("a discontinued product isn't changed")
{
    given_discontinued_tea();
    when(change_product(.title = "Green tea"));
    then_rejected(REJECTION_PRODUCT_DISCONTINUED, "");
}
