/* The product search as Elasticsearch's query language has it. Facets ignore their own filter: supplier and price are
 * filtered after the aggregations (post_filter), and each facet is filtered by the other. */
#include "search.h"

#include "core/money.h"
#include "json_text.h"

#define SEARCH_UNITS(amount) (INT64_C(amount) * EV_MONEY_SCALE)
const int64_t search_price_bounds[SEARCH_PRICE_RANGES] = {
    SEARCH_UNITS(0),   SEARCH_UNITS(5),   SEARCH_UNITS(20),   SEARCH_UNITS(50),
    SEARCH_UNITS(100), SEARCH_UNITS(500), SEARCH_UNITS(1000),
};

static void search_append_supplier_filter(const struct query *query, struct ev_buffer *out)
{
    if (query->params[SEARCH_SUPPLIER].present)
        json_text_append_item(out, "{'term':{'supplier':%j}}", query->params[SEARCH_SUPPLIER].text);
}

static void search_append_price_filter(const struct query *query, struct ev_buffer *out)
{
    if (query->params[SEARCH_PRICE_FROM].present)
        json_text_append_item(out, "{'range':{'price':{'gte':%i}}}", query->params[SEARCH_PRICE_FROM].number);
    if (query->params[SEARCH_PRICE_TO].present)
        json_text_append_item(out, "{'range':{'price':{'lte':%i}}}", query->params[SEARCH_PRICE_TO].number);
}

/* --- what is searched --- */

/* What matches: the words in title, description and supplier taken together (all of one or two, three quarters of
 * more), the SKU as it is, or words of the attributes. What ranks: the title counts three times, and more when it has
 * the words as a phrase; the SKU goes before all. */
static void search_append_text(struct ev_str q, struct ev_buffer *out)
{
    json_text_append(out, "{'bool':{'must':[{'dis_max':{'tie_breaker':0.2,'queries':[");
    json_text_append_item(out,
                          "{'multi_match':{'query':%j,'type':'cross_fields','tie_breaker':0.3,"
                          "'minimum_should_match':'2<75%s','fields':['title^3','short_description','supplier.text']}}",
                          q, "%");
    json_text_append_item(out, "{'term':{'sku.lower':{'value':%j,'boost':50}}}", q);
    json_text_append_item(out,
                          "{'nested':{'path':'attributes','score_mode':'max','query':"
                          "{'match':{'attributes.text':{'query':%j,'operator':'and','boost':0.5}}}}}",
                          q);
    json_text_append(out, "]}}],'should':[");
    json_text_append_item(out, "{'match_phrase':{'title':{'query':%j,'slop':2,'boost':2}}}", q);
    json_text_append(out, "]}}");
}

/* All but supplier and price. Products that only have stock, and discontinued ones, aren't found. */
static void search_append_query(const struct query *query, struct ev_buffer *out)
{
    const struct param_value *params = query->params;
    json_text_append(out, "'query':{'bool':{'must_not':[{'term':{'_deleted':true}}],'filter':[{'term':{'catalogued':"
                          "true}},{'term':{'discontinued':false}}");
    if (params[SEARCH_CURRENCY].present)
        json_text_append_item(out, "{'term':{'currency':%j}}", params[SEARCH_CURRENCY].text);
    if (params[SEARCH_IN_STOCK].present)
        json_text_append_item(out, "{'range':{'available':{'%s':0}}}", params[SEARCH_IN_STOCK].number ? "gt" : "lte");
    json_text_append(out, "]");
    if (params[SEARCH_Q].present) {
        json_text_append(out, ",'must':");
        search_append_text(params[SEARCH_Q].text, out);
    }
    json_text_append(out, "}}");
}

/* --- facets --- */

static void search_append_facets(const struct query *query, struct ev_buffer *out)
{
    json_text_append(out, ",'aggs':{'suppliers':{'filter':{'bool':{'filter':[");
    search_append_price_filter(query, out);
    json_text_append(out, "]}},'aggs':{'by':{'terms':{'field':'supplier','size':%i}}}},",
                     (int64_t)SEARCH_SUPPLIERS_MAX);
    json_text_append(out, "'prices':{'filter':{'bool':{'filter':[");
    search_append_supplier_filter(query, out);
    json_text_append(out, "]}},'aggs':{'by':{'range':{'field':'price','ranges':[");
    for (size_t i = 0; i < SEARCH_PRICE_RANGES; i++) {
        if (i + 1 < SEARCH_PRICE_RANGES)
            json_text_append_item(out, "{'from':%i,'to':%i}", search_price_bounds[i], search_price_bounds[i + 1]);
        else
            json_text_append_item(out, "{'from':%i}", search_price_bounds[i]);
    }
    json_text_append(out, "]}}}}}");
}

/* --- order and pages --- */

static void search_append_sort(const struct query *query, struct ev_buffer *out)
{
    static const char *const keys[] = {
        [SEARCH_BY_RELEVANCE] = "{'_score':'desc'},{'sku':'asc'}",
        [SEARCH_BY_SKU] = "{'sku':'asc'},{'created_at':'asc'}",
        [SEARCH_BY_PRICE] = "{'price':{'order':'asc','missing':'_last'}},{'sku':'asc'}",
        [SEARCH_BY_PRICE_DESCENDING] = "{'price':{'order':'desc','missing':'_last'}},{'sku':'asc'}",
        [SEARCH_BY_NEWEST] = "{'created_at':'desc'},{'sku':'asc'}",
    };
    json_text_append(out, ",'sort':[");
    json_text_append(out, keys[search_sort_of(query)]);
    json_text_append(out, "]");
    if (query->cursor.part_count == 0)
        return;
    json_text_append(out, ",'search_after':[");
    for (size_t i = 0; i < query->cursor.part_count; i++)
        json_text_append_item(out, "%r", query->cursor.parts[i]);
    json_text_append(out, "]");
}

void search_write_request(const struct query *query, struct ev_buffer *out)
{
    int64_t limit = query_limit(query, SEARCH_LIMIT, QUERY_LIST_LIMIT_DEFAULT);
    json_text_append(out, "{'size':%i,'track_total_hits':true,'track_scores':true,", limit + 1);
    search_append_query(query, out);
    json_text_append(out, ",'post_filter':{'bool':{'filter':[");
    search_append_supplier_filter(query, out);
    search_append_price_filter(query, out);
    json_text_append(out, "]}}");
    search_append_facets(query, out);
    search_append_sort(query, out);
    if (query->params[SEARCH_Q].present)
        json_text_append(out, ",'highlight':{'encoder':'html','fields':{'title':{'number_of_fragments':0},"
                              "'short_description':{'number_of_fragments':1,'fragment_size':200}}}");
    json_text_append(out, "}");
}
