/* The words of specs: each event and each command by its name, with the fields that matter. */
#pragma once

#include "gen/adjustment.h"
#include "gen/cart.h"
#include "gen/order.h"
#include "gen/product.h"
#include "gen/returns.h"
#include "gen/stock.h"
#include "spec.h"

#define SPEC_EVENT(name, ...) ((struct ev_event){&name##_event, &(struct name){__VA_ARGS__}})
#define SPEC_COMMAND(name, ...) ((struct spec_command){&name##_command, &(struct name){__VA_ARGS__}})

#define product_created(...) SPEC_EVENT(product_created, __VA_ARGS__)
#define product_titled(...) SPEC_EVENT(product_titled, __VA_ARGS__)
#define product_priced(...) SPEC_EVENT(product_priced, __VA_ARGS__)
#define product_details_changed(...) SPEC_EVENT(product_details_changed, __VA_ARGS__)
#define product_discontinued(...) SPEC_EVENT(product_discontinued, __VA_ARGS__)
#define create_product(...) SPEC_COMMAND(create_product, __VA_ARGS__)
#define change_product(...) SPEC_COMMAND(change_product, __VA_ARGS__)
#define discontinue_product(...) SPEC_COMMAND(discontinue_product, __VA_ARGS__)

#define stock_received(...) SPEC_EVENT(stock_received, __VA_ARGS__)
#define stock_adjusted(...) SPEC_EVENT(stock_adjusted, __VA_ARGS__)
#define receive_stock(...) SPEC_COMMAND(receive_stock, __VA_ARGS__)
#define stock_reserved(...) SPEC_EVENT(stock_reserved, __VA_ARGS__)
#define reservation_confirmed(...) SPEC_EVENT(reservation_confirmed, __VA_ARGS__)
#define reservation_released(...) SPEC_EVENT(reservation_released, __VA_ARGS__)
#define reservation_expired(...) SPEC_EVENT(reservation_expired, __VA_ARGS__)
#define stock_returned(...) SPEC_EVENT(stock_returned, __VA_ARGS__)
#define adjust_stock(...) SPEC_COMMAND(adjust_stock, __VA_ARGS__)
#define reserve_stock(...) SPEC_COMMAND(reserve_stock, __VA_ARGS__)
#define confirm_reservation(...) SPEC_COMMAND(confirm_reservation, __VA_ARGS__)
#define release_reservation(...) SPEC_COMMAND(release_reservation, __VA_ARGS__)
#define expire_reservations(...) SPEC_COMMAND(expire_reservations, __VA_ARGS__)
#define return_stock(...) SPEC_COMMAND(return_stock, __VA_ARGS__)

#define cart_created(...) SPEC_EVENT(cart_created, __VA_ARGS__)
#define cart_item_added(...) SPEC_EVENT(cart_item_added, __VA_ARGS__)
#define cart_item_quantity_changed(...) SPEC_EVENT(cart_item_quantity_changed, __VA_ARGS__)
#define cart_item_removed(...) SPEC_EVENT(cart_item_removed, __VA_ARGS__)
#define cart_emptied(...) SPEC_EVENT(cart_emptied, __VA_ARGS__)
#define cart_checked_out(...) SPEC_EVENT(cart_checked_out, __VA_ARGS__)
#define create_cart(...) SPEC_COMMAND(create_cart, __VA_ARGS__)
#define add_cart_item(...) SPEC_COMMAND(add_cart_item, __VA_ARGS__)
#define change_cart_item(...) SPEC_COMMAND(change_cart_item, __VA_ARGS__)
#define remove_cart_item(...) SPEC_COMMAND(remove_cart_item, __VA_ARGS__)
#define empty_cart(...) SPEC_COMMAND(empty_cart, __VA_ARGS__)
#define check_out_cart(...) SPEC_COMMAND(check_out_cart, __VA_ARGS__)

#define order_placed(...) SPEC_EVENT(order_placed, __VA_ARGS__)
#define order_cancelled(...) SPEC_EVENT(order_cancelled, __VA_ARGS__)
#define order_goods_returned(...) SPEC_EVENT(order_goods_returned, __VA_ARGS__)
#define place_order(...) SPEC_COMMAND(place_order, __VA_ARGS__)
#define record_order(...) SPEC_COMMAND(record_order, __VA_ARGS__)
#define cancel_order(...) SPEC_COMMAND(cancel_order, __VA_ARGS__)
#define return_goods(...) SPEC_COMMAND(return_goods, __VA_ARGS__)

#define return_recorded(...) SPEC_EVENT(return_recorded, __VA_ARGS__)
#define record_return(...) SPEC_COMMAND(record_return, __VA_ARGS__)

#define bad_debt_adjusted(...) SPEC_EVENT(bad_debt_adjusted, __VA_ARGS__)
#define record_bad_debt(...) SPEC_COMMAND(record_bad_debt, __VA_ARGS__)
